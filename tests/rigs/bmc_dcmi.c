/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bmc_dcmi.so - DCMI for OpenIPMI's BMC simulator, answered from a simulated
 * node, with faults on command.
 *
 *     loadlib "bmc_dcmi.so" "period_s=2 lag_s=3 ..."     in ipmi_sim's lan.conf
 *
 * The words of the init string are in bmc_options.h, the commands (datagrams to
 * the socket control=) in bmc_faults.h; each is answered "ok" or with what is
 * wrong. Logged are the true energy (time_s,energy_j,power_w), the readings
 * (time_s,watts) and the requests (time_s,command,answer). Prints "ready"
 * when the BMC listens.
 *
 * ipmi_sim is one thread around select. It asks handlers for answers and sends
 * them through lan->send_out, which is taken over here, so that answers can be
 * lost or late. The power is looked at, and commands are taken, in threads of
 * their own: they go on while the BMC is frozen.
 *
 * Numbers of bytes are those of DCMI 1.5, sections 6.1 (capabilities) and 6.6 (power).
 */
#include <OpenIPMI/mcserv.h>

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <time.h>

#include "tests/rigs/bmc_faults.h"

#define DCMI 0xdc
#define GET_CAPABILITIES 0x01
#define GET_POWER_READING 0x02

#define SENSOR_NETFN 0x04
#define GET_SENSOR_READING 0x2d /* IPMI 2.0, section 35.14 */
#define SENSOR_SCANNED 0xc0     /* events and scanning are enabled */
#define SENSOR_UNAVAILABLE 0x20
#define OTHER_SENSOR 23 /* the raw reading of what is no power sensor: 23 degrees */

#define MODE_SYSTEM 0x01
#define MODE_ROLLING 0x02
#define MEASUREMENT_ACTIVE 0x40

#define CODE_OK 0x00
#define CODE_UNSUPPORTED 0xc1
#define CODE_WRONG_LENGTH 0xc7
#define CODE_NOT_PRESENT 0xcb
#define CODE_WRONG_FIELD 0xcc

#define LAN_CHANNEL 1 /* startlan 1 */

/* Found by ipmi_sim by these names. */
int ipmi_sim_module_init(sys_data_t *sys, const char *init);
void ipmi_sim_module_post_init(sys_data_t *sys);
int ipmi_sim_module_print_version(sys_data_t *sys, const char *init);

static struct rig {
	pthread_mutex_t lock; /* of all below it */
	struct bmc bmc;
	struct averages averages;
	struct shares sensors;    /* sensor 1 is the first */
	unsigned short random[3]; /* of what is lost or garbled */
	FILE *truth, *readings, *requests;
	size_t logged; /* of the samples */
	int control;
	bool withhold; /* the answer that is about to be sent: the main thread's alone */
	void (*send_out)(lanserv_data_t *lan, struct iovec *data, int vecs, void *addr, int addr_len);
} rig = {.lock = PTHREAD_MUTEX_INITIALIZER, .control = -1};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pause_s(double for_s)
{
	struct timespec pause = {(time_t)for_s, (long)(fmod(for_s, 1) * 1e9)};

	nanosleep(&pause, NULL);
}

/* --- time passes ---------------------------------------------------------- */

static void log_sample(const struct sample *sample, const struct sample *before)
{
	double power_w = before ? (sample->energy_j - before->energy_j) / (sample->at_s - before->at_s) : 0;

	fprintf(rig.truth, "%.9f,%.7f,%.4f\n", sample->at_s, sample->energy_j, power_w);
}

static void log_reading(void)
{
	const struct shown *last = readings_last(&rig.bmc.readings);

	if (!rig.readings)
		return;
	fprintf(rig.readings, "%.9f,%u\n", last->at_s, last->watts);
	fflush(rig.readings);
}

/* Logs what has been sampled since the last look as well: a command may have been in between. */
static void look(void)
{
	const struct power *power = &rig.bmc.power;

	power_look(&rig.bmc.power, now_s());
	for (; rig.truth && rig.logged < power->n; rig.logged++)
		log_sample(&power->samples[rig.logged],
			   rig.logged > 0 ? &power->samples[rig.logged - 1] : NULL);
	if (rig.truth)
		fflush(rig.truth);
}

static void *watch(void *unused)
{
	(void)unused;
	for (;;) {
		pause_s(bmc_settings.tick_ms / 1000);
		pthread_mutex_lock(&rig.lock);
		look();
		if (readings_go_on(&rig.bmc.readings, power_last(&rig.bmc.power)->at_s))
			log_reading();
		pthread_mutex_unlock(&rig.lock);
	}
	return NULL;
}

/* --- commands ------------------------------------------------------------- */

static void *take_commands(void *unused)
{
	struct sockaddr_un from;
	socklen_t from_length;
	char line[128];
	ssize_t length;

	(void)unused;
	for (;;) {
		const char *answer;

		from_length = sizeof from;
		length = recvfrom(rig.control, line, sizeof line - 1, 0, (struct sockaddr *)&from,
				  &from_length);
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

/* --- answers -------------------------------------------------------------- */

/* The numbers of IPMI are little-endian. */
static unsigned put(unsigned char *out, unsigned at, unsigned bytes, uint32_t number)
{
	for (unsigned i = 0; i < bytes; i++)
		out[at + i] = (unsigned char)(number >> 8 * i);
	return at + bytes;
}

static unsigned answer_code(unsigned char *out, unsigned code)
{
	out[0] = (unsigned char)code;
	out[1] = DCMI;
	return 2;
}

/* The time of day when CLOCK_MONOTONIC was 0, as this BMC's clock has it: set at boot. */
static double epoch_s(void)
{
	static double epoch = NAN;
	struct timespec real;

	if (isnan(epoch)) {
		clock_gettime(CLOCK_REALTIME, &real);
		epoch = (double)real.tv_sec + (double)real.tv_nsec / 1e9 - now_s();
	}
	return epoch;
}

static uint32_t stamp(void)
{
	double at_s = readings_last(&rig.bmc.readings)->at_s;

	if (strcmp(bmc_settings.stamp, STAMP_STILL) == 0)
		at_s = rig.bmc.readings.boot_s;
	if (strcmp(bmc_settings.stamp, STAMP_REQUEST) == 0)
		at_s = now_s();
	return bmc_settings.not_active ? 0 : (uint32_t)floor(epoch_s() + at_s);
}

/* Of the last update, for mode 1 and, over period_s, for mode 2. */
static unsigned answer_reading(unsigned char *out, double period_s)
{
	struct statistics statistics = readings_statistics(&rig.bmc.readings, now_s(), period_s);
	uint32_t period_ms = (uint32_t)fmin(statistics.period_s * 1000, UINT32_MAX);
	unsigned at = answer_code(out, CODE_OK);

	at = put(out, at, 2, statistics.current);
	at = put(out, at, 2, statistics.least);
	at = put(out, at, 2, statistics.most);
	at = put(out, at, 2, statistics.average);
	at = put(out, at, 4, stamp());
	at = put(out, at, 4, bmc_settings.not_active ? 0 : period_ms);
	return put(out, at, 1, bmc_settings.not_active ? 0 : MEASUREMENT_ACTIVE);
}

/* Request: group, mode, rolling average's time period, reserved. */
static unsigned answer_power_request(const msg_t *msg, unsigned char *out)
{
	unsigned mode = msg->len > 1 ? msg->data[1] : 0;

	if (msg->len != 4) /* the group is counted */
		return answer_code(out, CODE_WRONG_LENGTH);
	if (mode == MODE_SYSTEM)
		return answer_reading(out, bmc_settings.statistics_s);
	for (size_t i = 0; mode == MODE_ROLLING && i < rig.averages.n; i++)
		if (rig.averages.list[i].code == msg->data[2])
			return answer_reading(out, rig.averages.list[i].period_s);
	return answer_code(out, CODE_WRONG_FIELD);
}

/* What each parameter of the capabilities says behind version and revision. */
static unsigned answer_capabilities(const msg_t *msg, unsigned char *out)
{
	unsigned at = answer_code(out, CODE_OK), parameter = msg->len > 1 ? msg->data[1] : 0;

	at = put(out, at, 3, 0x020501); /* DCMI 1.5, parameter revision 2 */
	switch (parameter) {
	case 1: /* power management is offered; in-band by KCS, and over LAN */
		return put(out, at, 3, 0x050100);
	case 2: /* an event log of 512 entries, and the temperature each 5 s */
		at = put(out, at, 4, 512);
		return put(out, at, 1, 5);
	case 3: /* the BMC itself manages power: address 20h, channel 0, revision 1 */
		return put(out, at, 2, 0x0120);
	case 4: /* LAN on channel 1; no second, no serial */
		return put(out, at, 3, 0xffff00 | LAN_CHANNEL);
	case 5: /* the rolling averages */
		at = put(out, at, 1, (uint32_t)rig.averages.n);
		for (size_t i = 0; i < rig.averages.n; i++)
			at = put(out, at, 1, rig.averages.list[i].code);
		return at;
	default:
		return answer_code(out, CODE_WRONG_FIELD);
	}
}

/* Makes of a right answer what the fault wants it to be. */
static unsigned spoil(enum answer answer, unsigned char *out, unsigned length)
{
	switch (answer) {
	case ANSWER_CODE:
		return answer_code(out, rig.bmc.faults.code);
	case ANSWER_SHORT:
		return 5;
	case ANSWER_LONG:
		return put(out, put(out, length, 4, 0x5a5a5a5a), 2, 0x5a5a);
	case ANSWER_GARBLED:
		for (unsigned i = 2; i < length; i++)
			out[i] = (unsigned char)(255 * erand48(rig.random));
		break;
	case ANSWER_GROUP:
		out[1] = 0x52;
		break;
	case ANSWER_SHOW:
		put(out, 2, 2, rig.bmc.faults.watts);
		break;
	case ANSWER_UNAVAILABLE:
		memset(out + 2, 0, length - 2);
		break;
	case ANSWER_NONE:
		rig.withhold = true;
		break;
	case ANSWER_RIGHT:
		break;
	}
	return length;
}

/* Request: the sensor's number. */
static unsigned answer_sensor(unsigned number, enum answer answer, unsigned char *out)
{
	const struct shown *last = readings_last(&rig.bmc.readings);
	unsigned watts = answer == ANSWER_SHOW ? rig.bmc.faults.watts : last->watts;
	bool power = number <= rig.sensors.n;
	double counts =
		power ? watts * rig.sensors.list[number - 1] / bmc_settings.sensor_step_w : OTHER_SENSOR;

	out[0] = CODE_OK;
	out[1] = (unsigned char)fmin(round(counts), 255);
	out[2] = SENSOR_SCANNED;
	out[3] = SENSOR_SCANNED; /* within all thresholds */
	if (answer == ANSWER_UNAVAILABLE)
		out[2] |= SENSOR_UNAVAILABLE;
	if (answer == ANSWER_CODE)
		out[0] = (unsigned char)rig.bmc.faults.code;
	rig.withhold = answer == ANSWER_NONE;
	return answer == ANSWER_CODE || answer == ANSWER_SHORT ? 1 : 4;
}

static const char *two_digits(unsigned code)
{
	static char text[3];

	snprintf(text, sizeof text, "%02X", code & 0xff);
	return text;
}

static void log_request(const char *command, unsigned parameter, enum answer answer, unsigned code)
{
	static const char *const names[] = {
		[ANSWER_RIGHT] = "right", [ANSWER_NONE] = "none", [ANSWER_CODE] = "code",
		[ANSWER_SHORT] = "short", [ANSWER_LONG] = "long", [ANSWER_GARBLED] = "garbled",
		[ANSWER_GROUP] = "group", [ANSWER_SHOW] = "show", [ANSWER_UNAVAILABLE] = "unavailable",
	};

	if (!rig.requests)
		return;
	if (answer == ANSWER_RIGHT && code)
		answer = ANSWER_CODE;
	fprintf(rig.requests, "%.9f,%s/%u,%s\n", now_s(), command, parameter,
		answer == ANSWER_CODE ? two_digits(code) : names[answer]);
	fflush(rig.requests);
}

static void handle_dcmi(lmc_data_t *mc, msg_t *msg, unsigned char *out, unsigned int *length, void *data)
{
	unsigned parameter = msg->len > 1 ? msg->data[1] : 0;
	enum answer answer = ANSWER_RIGHT;
	double slow_s = 0;

	(void)mc, (void)data;
	pthread_mutex_lock(&rig.lock);
	if (rig.bmc.faults.no_dcmi)
		*length = answer_code(out, CODE_UNSUPPORTED);
	else if (msg->cmd == GET_CAPABILITIES)
		*length = answer_capabilities(msg, out);
	else if (msg->cmd == GET_POWER_READING) {
		answer = faults_next_answer(&rig.bmc.faults, now_s());
		*length = answer_power_request(msg, out);
		if (out[0] == CODE_OK)
			*length = spoil(answer, out, *length);
		slow_s = rig.bmc.faults.slow_s;
	} else
		*length = answer_code(out, CODE_UNSUPPORTED);
	log_request(msg->cmd == GET_POWER_READING ? "reading" : "capabilities", parameter, answer, out[0]);
	pthread_mutex_unlock(&rig.lock);
	pause_s(slow_s);
}

static void handle_sensor(lmc_data_t *mc, msg_t *msg, unsigned char *out, unsigned int *length, void *data)
{
	unsigned number = msg->len > 0 ? msg->data[0] : 0;
	enum answer answer = ANSWER_RIGHT;
	double slow_s = 0;

	(void)mc, (void)data;
	pthread_mutex_lock(&rig.lock);
	if (number >= 1 && number <= rig.sensors.n + 1) { /* one more is there, and no power sensor */
		answer = faults_next_answer(&rig.bmc.faults, now_s());
		*length = answer_sensor(number, answer, out);
		slow_s = rig.bmc.faults.slow_s;
	} else {
		out[0] = CODE_NOT_PRESENT;
		*length = 1;
	}
	log_request("sensor", number, answer, out[0]);
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
	yes = now_s() < rig.bmc.faults.silent_until_s || 100 * erand48(rig.random) < rig.bmc.faults.drop_pct;
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

static int open_log(FILE **out, const char *path, const char *head)
{
	if (!path)
		return 0;
	*out = fopen(path, "ae");
	if (!*out) {
		fprintf(stderr, "bmc_dcmi: %s: %s\n", path, strerror(errno));
		return errno;
	}
	if (ftell(*out) == 0)
		fprintf(*out, "%s\n", head);
	fflush(*out);
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

/* Goes on behind the last row that an earlier BMC of this node has logged. */
static void resume_power(void)
{
	FILE *log = bmc_settings.truth ? fopen(bmc_settings.truth, "re") : NULL;
	struct sample last;
	char line[128];
	double power_w;
	bool found = false;

	while (log && fgets(line, sizeof line, log))
		found = sscanf(line, "%lf,%lf,%lf", &last.at_s, &last.energy_j, &power_w) == 3;
	if (found)
		power_resume(&rig.bmc.power, last, power_w);
	rig.logged = rig.bmc.power.n;
	if (log)
		fclose(log);
}

/* Two samples at least, and the first reading. */
static int begin_power(void)
{
	for (unsigned tries = 0; rig.bmc.power.n < 2; tries++) {
		if (tries == 100)
			return bmc_usage("says no energy: ", bmc_settings.energy);
		look();
		pause_s(bmc_settings.tick_ms / 1000);
	}
	readings_begin(&rig.bmc.readings, &rig.bmc.power, now_s());
	log_reading();
	return 0;
}

static int open_power(void)
{
	if (power_begin(&rig.bmc.power, bmc_settings.energy, bmc_settings.power_w, bmc_settings.noise_pct,
			bmc_settings.seed) != 0) {
		fprintf(stderr, "bmc_dcmi: %s: %s\n", bmc_settings.energy, strerror(errno));
		return errno;
	}
	if (!bmc_settings.energy)
		resume_power();
	return 0;
}

static int open_logs(void)
{
	int problem = open_log(&rig.truth, bmc_settings.truth, "time_s,energy_j,power_w");

	if (!problem)
		problem = open_log(&rig.readings, bmc_settings.readings, "time_s,watts");
	if (!problem)
		problem = open_log(&rig.requests, bmc_settings.requests, "time_s,command,answer");
	return problem;
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

int ipmi_sim_module_init(sys_data_t *sys, const char *init)
{
	char *words = strdup(init ? init : "");
	int problem;

	(void)sys;
	problem = words ? bmc_take_options(words) : ENOMEM;
	if (!problem && averages_parse(&rig.averages, bmc_settings.averages) != 0)
		problem = bmc_usage("averages are not like 5s,1m,1h: ", bmc_settings.averages);
	if (!problem && shares_parse(&rig.sensors, bmc_settings.sensors) != 0)
		problem = bmc_usage("sensors are not shares like 1 or 0.5,0.5: ", bmc_settings.sensors);
	rig.bmc.faults.no_dcmi = bmc_settings.no_dcmi;
	if (!problem && bmc_settings.with_parent)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!problem)
		problem = open_power();
	if (!problem)
		problem = open_logs();
	if (!problem)
		problem = open_control(bmc_settings.control);
	if (!problem)
		problem = begin_power();
	if (!problem)
		problem = start(watch);
	if (!problem && rig.control >= 0)
		problem = start(take_commands);
	ipmi_emu_register_group_extension_handler(DCMI, handle_dcmi, NULL);
	if (!problem && rig.sensors.n > 0)
		problem =
			ipmi_emu_register_cmd_handler(SENSOR_NETFN, GET_SENSOR_READING, handle_sensor, NULL);
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
