/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The two ways to use the runner. Each returns the exit status of the program. */
#ifndef WG_NATIVE_NATIVE_H
#define WG_NATIVE_NATIVE_H

/* For the loader: the runner protocol (workloads/protocol.md) on two descriptors. */
int serve(int in_fd, int out_fd);
/* For people: options in, the wall seconds of each repeat out. */
int by_hand(int argc, char **argv);

#endif
