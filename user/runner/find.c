// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Where the native runner is: in the tree beside the program, or where it was installed. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "runner/runner.h"

#define INSTALLED PREFIX "/libexec/wallgap/wallgap-native"

static int own_folder(char *buf, size_t sz)
{
	ssize_t len = readlink("/proc/self/exe", buf, sz - 1);

	if (len <= 0)
		return -ENOENT;
	buf[len] = '\0';
	*strrchr(buf, '/') = '\0';
	return 0;
}

int runner_find_native(char *buf, size_t sz)
{
	static const char *const beside[] = {"/build/wallgap-native", "/wallgap-native"};
	char folder[PATH_MAX];
	int len;

	if (!own_folder(folder, sizeof(folder))) {
		for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
			len = snprintf(buf, sz, "%s%s", folder, beside[i]);
			if (len >= (int)sz)
				return -ENAMETOOLONG;
			if (!access(buf, X_OK))
				return 0;
		}
	}
	if (sizeof(INSTALLED) > sz)
		return -ENAMETOOLONG;
	memcpy(buf, INSTALLED, sizeof(INSTALLED));
	return access(buf, X_OK) ? -ENOENT : 0;
}
