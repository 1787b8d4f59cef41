/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Text that a terminal cannot be ruled by. Names of tasks, functions, files and machines are whatever
 * somebody chose, and go to the terminals of root: what would move the cursor, change a colour, end a line
 * or turn the text around becomes '?' here, on the only way out.
 *
 *   reports   ---> plain_open()  ---> stdout or a file
 *   messages  ---> plain_line()  ---> stderr
 *   JSON      ---> escaped there, by plain_shows() (report/json_out.c)
 */
#ifndef WG_BASE_PLAIN_H
#define WG_BASE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Is this code point a mark or a blank, and nothing else? Not so are control characters (C0, DEL, C1), the
 * separators of lines and paragraphs, what directs text (U+200E, U+202E, U+2066 ...) and what does not show.
 */
bool plain_shows(uint32_t code);

/* src as one line: what is not valid UTF-8 or does not show becomes '?'. dst may be src. */
void plain_line(char *dst, size_t dst_sz, const char *src);

/*
 * A stream that passes on to `to` what shows and the ends of lines; with colour also the sequences that our
 * reports use, and no others. Close it with plain_close(), which leaves `to` open. NULL: no memory.
 */
FILE *plain_open(FILE *to, bool color);
/* Returns 0, or -EIO when something could not be written to `to`, which is flushed. */
int plain_close(FILE *f, FILE *to);

#endif
