// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fuzz.h"
#include "provision/parsers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool active;

	err_clear();
	must(!jpne_parse_gateway(data, size, &active) || err_text());
	return fuzz_answer(jpne_parse, data, size);
}
