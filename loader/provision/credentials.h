/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_CREDENTIALS_H
#define MAPE_LOADER_PROVISION_CREDENTIALS_H

#include <stddef.h>

/*
 * What the user has been given to ask rule servers with:
 *
 *	# comment
 *	ocn CODE
 *	jpne TOKEN
 *	hb46pp SERVER USER PASSWORD
 *
 * They are sent to nobody but the server in question, over a verified connection, and no message
 * ever quotes them.
 */
#define CREDENTIAL_MAX 128

struct credentials {
	char ocn[CREDENTIAL_MAX + 1];
	char jpne[CREDENTIAL_MAX + 1];
	struct {
		char server[CREDENTIAL_MAX + 1]; /* the only host that gets the other two */
		char user[CREDENTIAL_MAX + 1];
		char password[CREDENTIAL_MAX + 1];
	} hb46pp;
};

/* Fills all of *c from the text of a file. 0, or -1 with err(), which names the line. */
int credentials_parse(const void *bytes, size_t len, struct credentials *c);

/*
 * Reads the file, NULL: the usual one if it is there. It has to belong to root or to the user, and
 * nobody else may be able to read it. 0, or -1 with err().
 */
int credentials_load(const char *path, struct credentials *c);

#endif
