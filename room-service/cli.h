/* The command line of deskhand-rooms; main.c picks the command. */
#ifndef DH_ROOMS_CLI_H
#define DH_ROOMS_CLI_H

#include <stdio.h>

#include "common/err.h"

enum dh_exit { DH_EXIT_OK = 0, DH_EXIT_FAILED = 1, DH_EXIT_USAGE = 2 };

/* argv[0] is the command's name. They return an exit code. */
int dh_cli_serve(int argc, char **argv);
int dh_cli_usersig(int argc, char **argv);

/* "deskhand-rooms: sentence" and the hint to stderr; DH_EXIT_FAILED. */
int dh_cli_complain(const struct dh_err *e);

/* A whole number of an option within bounds. */
int dh_cli_number(const char *text, long long least, long long most, long long *out);

#endif
