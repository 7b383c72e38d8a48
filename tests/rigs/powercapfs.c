/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * powercapfs - a simulated node outside the program: a /sys-like tree with live
 * power zones under MOUNT, as the kernel's powercap driver has it.
 *
 *     powercapfs [--sockets N] [--idle-w W] ... MOUNT
 *
 * Each read of an energy_uj is computed (direct_io) from the machine's real
 * load, by the law in powercap_zones.h. --truth FILE logs the true energy
 * (time_s,channel,energy_j with CLOCK_MONOTONIC seconds), a row per zone and
 * step and "system" for the whole node, which MOUNT/system_energy says as well,
 * of this moment: "time_s energy_j". Commands written to MOUNT/control make zones fail (see the table
 * below). Prints "ready" once mounted and stays in the foreground; SIGTERM and
 * SIGINT unmount and end it.
 *
 * The zones' entries in class/powercap are links into
 * devices/virtual/powercap, as in /sys; --flat makes them folders, so that
 * class/powercap alone can be bound to another place.
 */
#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/rigs/powercap_load.h"
#include "tests/rigs/powercap_options.h"
#include "tests/rigs/powercap_tree.h"
#include "tests/rigs/powercap_zones.h"

static struct node {
	pthread_mutex_t lock; /* of zones */
	struct zones zones;
	struct tree tree;
	struct load load;
	struct handle *handles;
	FILE *truth;
	atomic_bool ending;
} node = {.lock = PTHREAD_MUTEX_INITIALIZER};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- time passes ---------------------------------------------------------- */

static void see_load(void)
{
	if (isnan(settings.utilisation)) {
		load_look(&node.load);
		return;
	}
	for (unsigned s = 0; s < node.zones.n_sockets; s++)
		node.load.u[s] = settings.utilisation;
}

static void write_truth(void)
{
	if (!node.truth)
		return;
	for (size_t i = 0; i < node.zones.n; i++)
		if (!node.zones.list[i].repeats)
			fprintf(node.truth, "%.9f,%s,%.7f\n", node.zones.stepped_s,
				node.zones.list[i].channel, node.zones.list[i].energy_j);
	fprintf(node.truth, "%.9f,system,%.7f\n", node.zones.stepped_s, node.zones.system_j);
	fflush(node.truth);
}

static void pause_for_a_tick(void)
{
	long tick_ms = (long)settings.tick_ms;
	struct timespec tick = {tick_ms / 1000, tick_ms % 1000 * 1000000};

	nanosleep(&tick, NULL);
}

static void *integrate(void *unused)
{
	(void)unused;
	while (!node.ending) {
		pause_for_a_tick();
		see_load();
		pthread_mutex_lock(&node.lock);
		zones_step(&node.zones, node.load.u, now_s());
		write_truth();
		pthread_mutex_unlock(&node.lock);
	}
	return NULL;
}

/* --- commands ------------------------------------------------------------- */

static int command_fault(struct zone *zone, enum fault fault, int number)
{
	zone->stuck_uj = zone_counter_uj(&node.zones, zone, now_s());
	zone->fault = fault;
	zone->fault_errno = number;
	return 0;
}

static int command_stuck(struct zone *zone, const char *argument)
{
	(void)argument;
	return command_fault(zone, FAULT_STUCK, 0);
}

static int command_garble(struct zone *zone, const char *argument)
{
	(void)argument;
	return command_fault(zone, FAULT_GARBLED, 0);
}

static int command_empty(struct zone *zone, const char *argument)
{
	(void)argument;
	return command_fault(zone, FAULT_EMPTY, 0);
}

static int command_heal(struct zone *zone, const char *argument)
{
	(void)argument;
	return command_fault(zone, FAULT_NONE, 0);
}

static int command_fail(struct zone *zone, const char *argument)
{
	for (int number = 1; number < 134; number++) /* Linux has errno values up to 133 */
		if (strerrorname_np(number) && strcmp(strerrorname_np(number), argument) == 0)
			return command_fault(zone, FAULT_ERROR, number);
	return -EINVAL;
}

static int command_vanish(struct zone *zone, const char *argument)
{
	(void)argument;
	zone->gone = true;
	zone->generation++;
	return 0;
}

static int command_return(struct zone *zone, const char *argument)
{
	(void)argument;
	zone->gone = false;
	return 0;
}

static int command_reset(struct zone *zone, const char *argument)
{
	(void)argument;
	zone_reset(&node.zones, zone, now_s());
	return 0;
}

static const struct command {
	const char *name;
	int (*obey)(struct zone *zone, const char *argument);
} commands[] = {
	{"stuck", command_stuck},   /* energy_uj keeps its value */
	{"fail", command_fail},     /* fail ZONE EIO: reads give that error */
	{"garble", command_garble}, /* reads give something that is no number */
	{"empty", command_empty},   /* reads give nothing */
	{"heal", command_heal},     /* none of these any more; the hardware has counted on */
	{"vanish", command_vanish}, /* the folder is gone; open files give ENODEV, as in sysfs */
	{"return", command_return}, /* and there again */
	{"reset", command_reset},   /* the counter falls to 0 */
};

/* One line: COMMAND ZONE [ERRNO]. 0 or -errno. */
static int obey(const char *line)
{
	char name[16] = "", zone_name[32] = "", argument[32] = "";
	struct zone *zone;

	if (sscanf(line, "%15s %31s %31s", name, zone_name, argument) < 2)
		return -EINVAL;
	zone = zones_find(&node.zones, zone_name);
	if (!zone)
		return -ENOENT;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].obey(zone, argument);
	return -EINVAL;
}

/* --- the file system ------------------------------------------------------ */

/* An open file has the text of its last read from the beginning, so that
 * reading on does not mix two values. */
struct handle {
	struct handle *next; /* of all that are open */
	const struct entry *entry;
	unsigned generation;
	size_t length;
	char text[64];
};

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *file)
{
	const struct entry *entry = tree_find(&node.tree, path);

	(void)file;
	if (!entry)
		return -ENOENT;
	memset(st, 0, sizeof *st);
	st->st_mode = entry->mode;
	st->st_nlink = S_ISDIR(entry->mode) ? 2 : 1;
	st->st_size = S_ISREG(entry->mode) ? 4096 : 0; /* as sysfs says of every file */
	st->st_uid = getuid();
	st->st_gid = getgid();
	return 0;
}

static int fs_readlink(const char *path, char *out, size_t size)
{
	const struct entry *entry = tree_find(&node.tree, path);

	if (!entry)
		return -ENOENT;
	snprintf(out, size, "%s", entry->text);
	return 0;
}

static int fs_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
		      struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
	(void)offset, (void)file, (void)flags;
	fill(buffer, ".", NULL, 0, 0);
	fill(buffer, "..", NULL, 0, 0);
	for (size_t i = 0; i < node.tree.n; i++) {
		const char *name = entry_name_in(&node.tree.entries[i], path);
		struct stat type = {.st_mode =
					    node.tree.entries[i].mode}; /* for d_type: some ask no further */

		if (name && !entry_gone(&node.tree.entries[i]))
			fill(buffer, name, &type, 0, 0);
	}
	return 0;
}

static int fs_open(const char *path, struct fuse_file_info *file)
{
	const struct entry *entry = tree_find(&node.tree, path);
	struct handle *handle;

	if (!entry)
		return -ENOENT;
	handle = calloc(1, sizeof *handle);
	if (!handle)
		return -ENOMEM;
	handle->entry = entry;
	handle->generation = entry->zone ? zone_generation(entry->zone) : 0;
	handle->next = node.handles;
	node.handles = handle;
	file->fh = (uint64_t)(uintptr_t)handle;
	return 0;
}

static int energy_text(struct zone *zone, char *out, size_t size)
{
	switch (zone->fault) {
	case FAULT_ERROR:
		return -zone->fault_errno;
	case FAULT_EMPTY:
		return 0;
	case FAULT_GARBLED:
		return snprintf(out, size, "17x?4294\n");
	case FAULT_NONE:
	case FAULT_STUCK:
		break;
	}
	return snprintf(out, size, "%llu\n", (unsigned long long)zone_counter_uj(&node.zones, zone, now_s()));
}

static int system_text(char *out, size_t size)
{
	double t = now_s();

	return snprintf(out, size, "%.9f %.7f\n", t, zones_system_j(&node.zones, t));
}

static int refresh(struct handle *handle)
{
	const struct entry *entry = handle->entry;
	int length;

	if (entry->zone && (zone_gone(entry->zone) || zone_generation(entry->zone) != handle->generation))
		return -ENODEV;
	if (entry->counter)
		length = energy_text(entry->counter, handle->text, sizeof handle->text);
	else if (entry->system)
		length = system_text(handle->text, sizeof handle->text);
	else
		length = entry->problem ? -entry->problem
					: snprintf(handle->text, sizeof handle->text, "%s", entry->text);
	handle->length = length > 0 ? (size_t)length : 0;
	return length < 0 ? length : 0;
}

static int fs_read(const char *path, char *out, size_t size, off_t offset, struct fuse_file_info *file)
{
	struct handle *handle = (struct handle *)(uintptr_t)file->fh;
	int problem = 0;

	(void)path;
	pthread_mutex_lock(&node.lock);
	if (offset == 0)
		problem = refresh(handle);
	pthread_mutex_unlock(&node.lock);
	if (problem)
		return problem;
	if ((size_t)offset >= handle->length)
		return 0;
	if (size > handle->length - (size_t)offset)
		size = handle->length - (size_t)offset;
	memcpy(out, handle->text + offset, size);
	return (int)size;
}

static int fs_write(const char *path, const char *data, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	char text[4096], *rest = text, *line;
	int problem = 0;

	(void)offset, (void)file;
	if (strcmp(path, "/control") != 0)
		return -EACCES; /* as where the firmware has locked the limits */
	if (size >= sizeof text)
		return -E2BIG;
	memcpy(text, data, size);
	text[size] = '\0';
	pthread_mutex_lock(&node.lock);
	while (!problem && (line = strsep(&rest, "\n")))
		if (*line)
			problem = obey(line);
	pthread_mutex_unlock(&node.lock);
	return problem ? problem : (int)size;
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *file)
{
	(void)size, (void)file;
	return tree_find(&node.tree, path) ? 0 : -ENOENT;
}

static int fs_release(const char *path, struct fuse_file_info *file)
{
	struct handle *handle = (struct handle *)(uintptr_t)file->fh;
	struct handle **link = &node.handles;

	(void)path;
	while (*link != handle)
		link = &(*link)->next;
	*link = handle->next;
	free(handle);
	return 0;
}

/* Nothing may be remembered by the kernel: zones come and go, energy moves. */
static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	config->direct_io = 1;
	config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
	return NULL;
}

static const struct fuse_operations operations = {
	.init = fs_init,
	.getattr = fs_getattr,
	.readlink = fs_readlink,
	.readdir = fs_readdir,
	.open = fs_open,
	.read = fs_read,
	.write = fs_write,
	.truncate = fs_truncate,
	.release = fs_release,
};

/* --- setting up ----------------------------------------------------------- */

static void build(void)
{
	double limit_uw = settings.power_limit_uw;

	if (limit_uw <= 0)
		limit_uw = (settings.law.idle_w + settings.law.span_w) * 1e6;
	zones_begin(&node.zones, &settings.law, (unsigned)settings.sockets, settings.step_us / 1e6);
	add_zones(&node.zones);
	tree_build(&node.tree, &node.zones, settings.flat,
		   (struct constraint[]){{"long_term", limit_uw, settings.time_window_us, limit_uw},
					 {"short_term", 1.2 * limit_uw, 2440, 0}});
}

/* Opens what is read and written all the time, and takes the first step. */
static int begin(void)
{
	node.load.n_sockets = node.zones.n_sockets;
	node.load.stat = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	if (node.load.stat < 0) {
		perror("powercapfs: /proc/stat");
		return 1;
	}
	node.truth = settings.truth ? fopen(settings.truth, "we") : NULL;
	if (settings.truth && !node.truth) {
		fprintf(stderr, "powercapfs: %s: %s\n", settings.truth, strerror(errno));
		return 1;
	}
	if (node.truth)
		fprintf(node.truth, "time_s,channel,energy_j\n");
	see_load();
	pause_for_a_tick();
	see_load();
	zones_start(&node.zones, node.load.u, now_s());
	write_truth();
	return 0;
}

/* Mounts, serves until a signal, unmounts. The signals go to this thread, which waits for requests. */
static int serve(struct fuse *fuse, const char *mount)
{
	struct fuse_session *session = fuse_get_session(fuse);
	pthread_t integrator;
	sigset_t all, before;
	int result = 1;

	umount2(mount, MNT_DETACH); /* what a killed one has left; EINVAL where there is nothing */
	if (fuse_mount(fuse, mount) != 0)
		return 1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&integrator, NULL, integrate, NULL) == 0) {
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		fuse_set_signal_handlers(session);
		puts("ready");
		fflush(stdout);
		result = fuse_loop(fuse) < 0;
		fuse_remove_signal_handlers(session);
		node.ending = true;
		pthread_join(integrator, NULL);
	}
	fuse_unmount(fuse);
	return result;
}

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse *fuse = NULL;
	int result = take_options(argc, argv);

	if (result == 0 && settings.with_parent)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (result == 0) {
		build();
		result = begin();
	}
	if (result == 0) {
		/* Other users may look, and meet the modes; only root may let them. */
		fuse_opt_add_arg(&args, argv[0]);
		fuse_opt_add_arg(&args, geteuid() == 0 ? "-ofsname=powercapfs,default_permissions,allow_other"
						       : "-ofsname=powercapfs,default_permissions");
		fuse = fuse_new(&args, &operations, sizeof operations, NULL);
		result = fuse ? serve(fuse, argv[optind]) : 1;
	}
	if (fuse)
		fuse_destroy(fuse);
	fuse_opt_free_args(&args);
	free(node.tree.entries);
	for (struct handle *handle = node.handles, *next; handle; handle = next) {
		next = handle->next;
		free(handle);
	}
	if (node.truth)
		fclose(node.truth);
	return result;
}
