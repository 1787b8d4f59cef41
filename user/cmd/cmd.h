/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The subcommands, and the exit statuses they share. */
#ifndef WG_CMD_CMD_H
#define WG_CMD_CMD_H

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_EXECUTABLE = 126, /* of `record`: the command */
	EXIT_NOT_FOUND = 127,
	EXIT_CANNOT_RUN_HERE = 77,
};

/* argv[0] is the subcommand's name. Each returns an exit status and has printed its error. */
int cmd_bench(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif
