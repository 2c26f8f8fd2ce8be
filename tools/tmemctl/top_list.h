/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes that can be asked. */
#ifndef TMEMCTL_TOP_LIST_H
#define TMEMCTL_TOP_LIST_H

#include "top_text.h"

/* top_list_show() - all that answer, those that hold the most first. */
void top_list_show(struct top_text *text);

#endif /* TMEMCTL_TOP_LIST_H */
