/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef WG_CMD_ATTACHABLE_H
#define WG_CMD_ATTACHABLE_H

#include "base/err.h"

/*
 * May this number be given to -p? 0, or -ESRCH, -EINVAL with one line in e that says what it is: no
 * process, a thread of another, a kernel thread, one that has ended, wallgap itself.
 */
int attachable(int tgid, struct err *e);

#endif
