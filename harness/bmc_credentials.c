/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness/bmc_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <freeipmi/freeipmi.h>

#include "harness/base/text.h"

/* Two lines of some tens of bytes, and comments. */
#define MOST_BYTES 4096

char *secret_from_environment(const char *name)
{
	char *value = getenv(name), *copy;

	if (!value)
		return NULL;
	copy = xstrdup(value);
	explicit_bzero(value, strlen(value));
	unsetenv(name);
	return copy;
}

void secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void bmc_credentials_wipe(struct bmc_credentials *credentials)
{
	secret_free(credentials->user);
	secret_free(credentials->password);
	*credentials = (struct bmc_credentials){0};
}

static int refuse_file(const char *path, const struct stat *file, struct error *err)
{
	if (!S_ISREG(file->st_mode))
		return error_set(err, ERROR_INPUT, "--bmc-credentials: %s is not a regular file", path);
	if (file->st_uid != geteuid() && file->st_uid != 0)
		return error_set(
			err, ERROR_INPUT,
			"--bmc-credentials: %s belongs to user %u; expected one of your own, or root's", path,
			(unsigned)file->st_uid);
	if (file->st_mode & 077)
		return error_set(
			err, ERROR_INPUT,
			"--bmc-credentials: others may use %s (mode %04o); expected 0600 or stricter: "
			"chmod 600 %s",
			path, (unsigned)file->st_mode & 07777, path);
	return 0;
}

int bmc_credentials_read(struct bmc_credentials *out, const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[MOST_BYTES + 1];
	ssize_t size = 0;
	struct stat file;
	int result = -1;

	if (fd < 0)
		return error_set(err, ERROR_INPUT, "--bmc-credentials: %s cannot be read: %s", path,
				 strerror(errno));
	if (fstat(fd, &file) == 0 && refuse_file(path, &file, err) == 0)
		size = read(fd, text, sizeof text);
	if (size < 0)
		error_set(err, ERROR_INPUT, "--bmc-credentials: %s cannot be read: %s", path,
			  strerror(errno));
	else if (size > MOST_BYTES)
		error_set(err, ERROR_INPUT, "--bmc-credentials: %s has over %d bytes", path, MOST_BYTES);
	else if (!err || err->kind == ERROR_NONE) {
		text[size] = '\0';
		result = bmc_credentials_parse(out, text, path, err);
	}
	explicit_bzero(text, sizeof text);
	close(fd);
	return result;
}

/* What stands on the line behind key and blanks, or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) != 0 || !strchr(" \t", line[length]) || !line[length])
		return NULL;
	return line + length + strspn(line + length, " \t");
}

static int take(char **secret, const char *value, size_t length, const char *name, unsigned number,
		struct error *err)
{
	if (*secret)
		return error_set(err, ERROR_INPUT, "%s: line %u: stands there twice", name, number);
	*secret = xasprintf("%.*s", (int)length, value);
	return 0;
}

int bmc_credentials_parse(struct bmc_credentials *out, const char *text, const char *name, struct error *err)
{
	unsigned number = 0;
	int result = 0;

	*out = (struct bmc_credentials){0};
	for (const char *line = text, *end; *line && result == 0; line = end + (*end == '\n')) {
		const char *user = value_of(line, "user"), *password = value_of(line, "password");
		size_t length;

		number++;
		end = line + strcspn(line, "\n");
		length = (size_t)(end - line) - (end > line && end[-1] == '\r');
		if (length == 0 || *line == '#')
			continue;
		if (user && user < line + length)
			result = take(&out->user, user, (size_t)(line + length - user), name, number, err);
		else if (password && password <= line + length)
			result = take(&out->password, password, (size_t)(line + length - password), name,
				      number, err);
		else
			result = error_set(err, ERROR_INPUT,
					   "%s: line %u: expected \"user NAME\" or \"password WORD\"", name,
					   number);
	}
	if (result)
		bmc_credentials_wipe(out);
	return result;
}

void bmc_credentials_complete(struct bmc_credentials *credentials, const char *user, const char *password)
{
	if (!credentials->user && user)
		credentials->user = xstrdup(user);
	if (!credentials->password && password)
		credentials->password = xstrdup(password);
}

int bmc_credentials_check(const struct bmc_credentials *credentials, size_t longest_password,
			  struct error *err)
{
	if (!credentials->user || !credentials->password)
		return error_set(err, ERROR_INPUT,
				 "--bmc: no %s for it; expected --bmc-credentials FILE, or WATTSTEP_BMC_USER "
				 "and WATTSTEP_BMC_PASSWORD in the environment",
				 credentials->user ? "password" : "user");
	if (strlen(credentials->user) > IPMI_MAX_USER_NAME_LENGTH)
		return error_set(err, ERROR_INPUT,
				 "--bmc: the user's name has over %d bytes, more than IPMI has room for",
				 IPMI_MAX_USER_NAME_LENGTH);
	if (strlen(credentials->password) > longest_password)
		return error_set(err, ERROR_INPUT,
				 "--bmc: the password has over %zu bytes, more than this version of IPMI has "
				 "room for",
				 longest_password);
	return 0;
}
