/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_dcmi.so - DCMI for OpenIPMI's BMC simulator, answered from a simulated
 * node, with faults on command.
 *
 *     loadlib "bmc_dcmi.so" "period_s=2 lag_s=3 ..."     in ipmi_sim's lan.conf
 *
 * The words of the init string are in bmc_options.h, the commands (datagrams to
 * the socket control=) in bmc_faults.h; each is answered "ok" or "not
 * understood". The logs are in bmc_logs.h. Prints "ready" when the BMC listens.
 *
 * ipmi_sim is one thread around select. It asks handlers for answers and sends
 * them through lan->send_out, which is taken over here, so that answers can be
 * lost or late. The power is looked at, and commands are taken, in threads of
 * their own: they go on while the BMC is frozen.
 */
#include <OpenIPMI/mcserv.h>

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <time.h>

#include "tests/rigs/bmc_answers.h"
#include "tests/rigs/bmc_logs.h"

#define GET_CAPABILITIES 0x01
#define GET_POWER_READING 0x02

#define SENSOR_NETFN 0x04
#define GET_SENSOR_READING 0x2d

/* Found by ipmi_sim by these names. */
int ipmi_sim_module_init(sys_data_t *sys, const char *init);
void ipmi_sim_module_post_init(sys_data_t *sys);
int ipmi_sim_module_print_version(sys_data_t *sys, const char *init);

static struct rig {
	pthread_mutex_t lock; /* of bmc and logs */
	struct bmc bmc;
	struct logs logs;
	char *words; /* the settings point into it */
	int control;
	bool withhold; /* the answer that is about to be sent: ipmi_sim's own thread's alone */
	void (*send_out)(lanserv_data_t *lan, struct iovec *data, int vecs, void *addr, int addr_len);
} rig = {.lock = PTHREAD_MUTEX_INITIALIZER, .control = -1};

static double clock_s(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double now_s(void)
{
	return clock_s(CLOCK_MONOTONIC);
}

static void pause_s(double for_s)
{
	struct timespec pause = {(time_t)for_s, (long)(fmod(for_s, 1) * 1e9)};

	nanosleep(&pause, NULL);
}

/* --- time passes ---------------------------------------------------------- */

static void *watch(void *unused)
{
	struct bmc *bmc = &rig.bmc;

	(void)unused;
	for (;;) {
		pause_s(bmc_settings.tick_ms / 1000);
		pthread_mutex_lock(&rig.lock);
		power_look(&bmc->power, now_s());
		log_truth(&rig.logs, &bmc->power);
		if (readings_go_on(&bmc->readings, power_last(&bmc->power)->at_s))
			log_reading(&rig.logs, &bmc->readings);
		pthread_mutex_unlock(&rig.lock);
	}
	return NULL;
}

/* --- commands ------------------------------------------------------------- */

static void *take_commands(void *unused)
{
	(void)unused;
	for (;;) {
		struct sockaddr_un from;
		socklen_t from_length = sizeof from;
		char line[128];
		ssize_t length = recvfrom(rig.control, line, sizeof line - 1, 0, (struct sockaddr *)&from,
					  &from_length);
		const char *answer;

		if (length < 0)
			continue;
		line[length] = '\0';
		pthread_mutex_lock(&rig.lock);
		answer = bmc_obey(&rig.bmc, now_s(), line) == 0 ? "ok" : "not understood";
		pthread_mutex_unlock(&rig.lock);
		sendto(rig.control, answer, strlen(answer), 0, (struct sockaddr *)&from, from_length);
	}
	return NULL;
}

/* --- requests ------------------------------------------------------------- */

/* What is wrong with the answer to a request for a reading; how long it takes. */
static enum answer next_answer(double *slow_s)
{
	enum answer answer = faults_next_answer(&rig.bmc.faults, now_s());

	*slow_s = rig.bmc.faults.slow_s;
	rig.withhold = answer == ANSWER_NONE;
	return answer;
}

static void handle_dcmi(lmc_data_t *mc, msg_t *msg, unsigned char *out, unsigned int *length, void *data)
{
	struct request request = {msg->data, msg->len};
	const char *command = "other";
	enum answer answer = ANSWER_RIGHT;
	double slow_s = 0;

	(void)mc, (void)data;
	pthread_mutex_lock(&rig.lock);
	*length = answer_code(out, CODE_UNSUPPORTED);
	if (msg->cmd == GET_CAPABILITIES) {
		command = "capabilities";
		if (!rig.bmc.faults.no_dcmi)
			*length = answer_capabilities(&rig.bmc, request, out);
	} else if (msg->cmd == GET_POWER_READING) {
		command = "reading";
		if (!rig.bmc.faults.no_dcmi) {
			answer = next_answer(&slow_s);
			*length = answer_power(&rig.bmc, now_s(), request, answer, out);
		}
	}
	log_request(&rig.logs, now_s(), command, request_byte(request, 1), answer, out[0]);
	pthread_mutex_unlock(&rig.lock);
	pause_s(slow_s);
}

static void handle_sensor(lmc_data_t *mc, msg_t *msg, unsigned char *out, unsigned int *length, void *data)
{
	unsigned number = request_byte((struct request){msg->data, msg->len}, 0);
	enum answer answer = ANSWER_RIGHT;
	double slow_s = 0;

	(void)mc, (void)data;
	pthread_mutex_lock(&rig.lock);
	out[0] = CODE_NOT_PRESENT;
	*length = 1;
	if (sensor_present(&rig.bmc, number)) {
		answer = next_answer(&slow_s);
		*length = answer_sensor(&rig.bmc, number, answer, out);
	}
	log_request(&rig.logs, now_s(), "sensor", number, answer, out[0]);
	pthread_mutex_unlock(&rig.lock);
	pause_s(slow_s);
}

/* --- packets -------------------------------------------------------------- */

static bool frozen(void)
{
	bool yes;

	pthread_mutex_lock(&rig.lock);
	yes = now_s() < rig.bmc.faults.frozen_until_s;
	pthread_mutex_unlock(&rig.lock);
	return yes;
}

static bool lost(void)
{
	bool yes;

	pthread_mutex_lock(&rig.lock);
	yes = faults_lose(&rig.bmc, now_s());
	pthread_mutex_unlock(&rig.lock);
	return yes;
}

/* All that the BMC sends over the LAN, to set up sessions as well. The next
 * packet is read only after this returns. */
static void send_out(lanserv_data_t *lan, struct iovec *data, int vecs, void *addr, int addr_len)
{
	bool withhold = rig.withhold;

	rig.withhold = false;
	while (frozen())
		pause_s(0.02);
	if (!withhold && !lost())
		rig.send_out(lan, data, vecs, addr, addr_len);
}

/* --- setting up ----------------------------------------------------------- */

static int take_words(const char *init)
{
	int problem;

	rig.words = strdup(init ? init : "");
	problem = rig.words ? bmc_take_options(rig.words) : ENOMEM;
	if (!problem && averages_parse(&rig.bmc.averages, bmc_settings.averages) != 0)
		problem = bmc_usage("averages are not like 5s,1m,1h: ", bmc_settings.averages);
	if (!problem && shares_parse(&rig.bmc.sensors, bmc_settings.sensors) != 0)
		problem = bmc_usage("sensors are not shares like 1 or 0.5,0.5: ", bmc_settings.sensors);
	rig.bmc.faults.no_dcmi = bmc_settings.no_dcmi;
	return problem;
}

static int open_power(void)
{
	if (power_begin(&rig.bmc.power, bmc_settings.energy, bmc_settings.power_w, bmc_settings.noise_pct,
			bmc_settings.seed) != 0) {
		fprintf(stderr, "bmc_dcmi: %s: %s\n", bmc_settings.energy, strerror(errno));
		return errno;
	}
	if (!bmc_settings.energy)
		logs_resume(&rig.logs, &rig.bmc.power);
	return 0;
}

static int open_control(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!path)
		return 0;
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unlink(path); /* of a BMC before this one */
	rig.control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (rig.control < 0 || bind(rig.control, (struct sockaddr *)&address, sizeof address) != 0) {
		fprintf(stderr, "bmc_dcmi: %s: %s\n", path, strerror(errno));
		return errno;
	}
	return 0;
}

/* Two samples at least, and the first reading. */
static int boot(void)
{
	struct bmc *bmc = &rig.bmc;

	for (unsigned tries = 0; bmc->power.n < 2; tries++) {
		if (tries == 100)
			return bmc_usage("says no energy: ", bmc_settings.energy);
		power_look(&bmc->power, now_s());
		pause_s(bmc_settings.tick_ms / 1000);
	}
	log_truth(&rig.logs, &bmc->power);
	bmc->epoch_s = clock_s(CLOCK_REALTIME) - now_s();
	readings_begin(&bmc->readings, &bmc->power, now_s());
	log_reading(&rig.logs, &bmc->readings);
	return 0;
}

/* Signals are for ipmi_sim's own thread. */
static int start(void *(*body)(void *))
{
	pthread_t thread;
	sigset_t all, before;
	int problem;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	problem = pthread_create(&thread, NULL, body, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return problem;
}

static int register_handlers(void)
{
	ipmi_emu_register_group_extension_handler(DCMI, handle_dcmi, NULL);
	if (rig.bmc.sensors.n == 0)
		return 0;
	return ipmi_emu_register_cmd_handler(SENSOR_NETFN, GET_SENSOR_READING, handle_sensor, NULL);
}

int ipmi_sim_module_init(sys_data_t *sys, const char *init)
{
	int problem = take_words(init);

	(void)sys;
	if (!problem && bmc_settings.with_parent)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!problem)
		problem = open_power();
	if (!problem)
		problem = logs_open(&rig.logs);
	if (!problem)
		problem = open_control(bmc_settings.control);
	if (!problem)
		problem = boot();
	if (!problem)
		problem = register_handlers();
	if (!problem)
		problem = start(watch);
	if (!problem && rig.control >= 0)
		problem = start(take_commands);
	return problem;
}

void ipmi_sim_module_post_init(sys_data_t *sys)
{
	lanserv_data_t *lan = sys->chan_set[LAN_CHANNEL]->chan_info;

	rig.send_out = lan->send_out;
	lan->send_out = send_out;
	puts("ready");
	fflush(stdout);
}

int ipmi_sim_module_print_version(sys_data_t *sys, const char *init)
{
	(void)sys, (void)init;
	puts("bmc_dcmi");
	return 0;
}
