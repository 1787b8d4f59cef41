// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* wallgap-native, the C runner: serves a loader when one started it, else a person. */
#include <stdlib.h>

#include "native.h"

int main(int argc, char **argv)
{
	const char *in = getenv("WALLGAP_IN_FD"), *out = getenv("WALLGAP_OUT_FD");

	if (argc == 1 && in && out)
		return serve(atoi(in), atoi(out));
	return by_hand(argc, argv);
}
