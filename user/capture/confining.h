/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Giving up what is not needed any more, with a note where that fails. */
#ifndef WG_CAPTURE_CONFINING_H
#define WG_CAPTURE_CONFINING_H

#include "base/confine.h"

/* See base/confine.h. What fails, and what was never had, is a line on stderr each. */
void confine_or_note(enum confine how);

#endif
