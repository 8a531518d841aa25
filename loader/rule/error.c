// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <rule/error.h>

struct mape_explanation mape_rule_explain(enum mape_errcode code)
{
	switch (code) {
#define MAPE_ERROR_CASE(name, text, hint)                                                          \
	case MAPE_ERR_##name:                                                                      \
		return (struct mape_explanation){ text, hint };
		MAPE_ERRORS(MAPE_ERROR_CASE)
#undef MAPE_ERROR_CASE
	case MAPE_OK:
		break;
	}
	return (struct mape_explanation){ "no error", "" };
}
