// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fuzz.h"
#include "provision/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credentials c;

	err_clear();
	must(!credentials_parse(data, size, &c) || err_text());
	must(!strpbrk(c.ocn, "&?/#% \t\r\n") && !strpbrk(c.jpne, "&?/#% \t\r\n"));
	return 0;
}
