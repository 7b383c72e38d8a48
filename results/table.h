/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table.h - tables for people.
 */
#ifndef WATTSTEP_TABLE_H
#define WATTSTEP_TABLE_H

#include <stdio.h>

#include <jansson.h>

/* Prints rows under a heading, in columns as wide as their widest cell.
 * cells[row * columns + column]; row 0 is the heading. Columns that align[i]
 * says 'r' are flush right, others flush left. */
void table_print(FILE *out, const char *const *cells, size_t rows, size_t columns, const char *align);

/* Prints a profile's "states" as a table, with the reasons and flags below it in words. */
void table_print_states(FILE *out, const json_t *states);

#endif
