/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What holds for every unwind table, whatever it was made from. For unit tests and fuzzing. */
#ifndef WG_UNIT_TABLE_CHECK_H
#define WG_UNIT_TABLE_CHECK_H

#include "unwind/table.h"

/* Of one page's rows; NULL, or what is wrong. */
static inline const char *table_wrong_page(const struct unwind_table *t, uint32_t page)
{
	uint32_t begin = t->page[page], end = t->page[page + 1];

	if (end < begin || end > t->row_cnt)
		return "pages do not ascend";
	for (uint32_t i = begin; i < end; i++) {
		if (i == begin && t->row[i] & 0xff)
			return "a page with code has no row at 0";
		if (i > begin && (t->row[i] & 0xff) <= (t->row[i - 1] & 0xff))
			return "rows do not ascend";
		if (i > begin && t->row[i] >> 8 == t->row[i - 1] >> 8)
			return "a row says what the one before it says";
		if (t->row[i] >> 8 >= t->rule_cnt)
			return "a row's rule does not exist";
	}
	return NULL;
}

static inline const char *table_wrong_rule(const struct wg_rule *rule)
{
	if (rule->cfa > WG_CFA_UNSUPPORTED || rule->rbp > WG_RBP_LOST)
		return "a rule is of no kind";
	if (rule->cfa == WG_CFA_REG &&
	    (rule->cfa_arg > 15 || rule->cfa_arg == 6 || rule->cfa_arg == 7))
		return "a rule's register is none of the others";
	if ((rule->rbp == WG_RBP_SAME || rule->rbp == WG_RBP_LOST) && rule->rbp_off)
		return "an offset of nothing";
	return NULL;
}

static inline const char *table_wrong(const struct unwind_table *t)
{
	const char *wrong = NULL;

	if (!t->page_cnt)
		return t->row_cnt || t->start_cnt ? "rows without pages" : NULL;
	if (t->base % WG_PAGE_SIZE)
		return "base is not a page's";
	if (t->page[0] || t->page[t->page_cnt] != t->row_cnt)
		return "pages do not hold all rows";
	for (uint32_t i = 0; i < t->page_cnt && !wrong; i++)
		wrong = table_wrong_page(t, i);
	for (uint32_t i = 0; i < t->rule_cnt && !wrong; i++)
		wrong = table_wrong_rule(&t->rule[i]);
	for (uint32_t i = 0; i < t->start_cnt && !wrong; i++) {
		if (i && t->start[i] <= t->start[i - 1])
			wrong = "starts do not ascend";
		else if (unwind_table_start(t, t->base + t->start[i]) != t->base + t->start[i])
			wrong = "a start is not found, or has no rule";
	}
	return wrong;
}

#endif
