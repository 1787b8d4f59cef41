/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A paragraph with a label in front: items one after another, broken between items where the
 * width asks for it, so that a figure stays with its unit.
 *
 *   audit     on-CPU 12.031 s, kernel 12.030 s (0.01%); run delay 3.1 ms, kernel 3.1 ms;
 *             voluntary switches 52,114 = 52,114
 */
#ifndef WG_REPORT_PARA_H
#define WG_REPORT_PARA_H

#include <stdbool.h>
#include <stdio.h>

#define PARA_INDENT 10

struct para {
	FILE *f;
	int columns; /* to stay within */
	bool color;
	int at; /* columns used on this line */
	int item_cnt;
	bool failed; /* no memory */
};

enum para_style { PARA_PLAIN, PARA_WARN };

void para_begin(struct para *p, const char *label, enum para_style style);
void para_item(struct para *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void para_end(struct para *p);

#endif
