/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * transient.h - what power still does at the beginning of a state: how much of
 * it to cut, and what of it is left behind the cut. Pure: arrays in, results
 * out.
 *
 * Formulas: docs/method.md, section 3. z are means over BATCH_S each, from the
 * floor on, cleaned first.
 */
#ifndef WATTSTEP_TRANSIENT_H
#define WATTSTEP_TRANSIENT_H

#include <stddef.h>

/* Batches of the steady-state test are this long, s. */
#define BATCH_S 5

/* The tail of an exponential: amplitude_w exp(-t / tau_s) off the level that power settles to, t since the
 * beginning of z. */
struct transient {
	double amplitude_w; /* 0: none shows */
	double tau_s;
	double most_remainder_w; /* size of its mean over the window that the data do not refuse */
};

/* Replaces what is not known (NAN) and isolated spikes by the median, in place: for the search alone. */
void transient_clean(double *z, size_t m);

/*
 * MSER-5 (White 1997) with evidence: how many leading values of z to cut, at
 * most half of them, so that the rest has a small standard error. Values that
 * all lie within one step of the source's resolution (0: energy counters) show
 * no transient.
 */
size_t transient_truncation(const double *z, size_t m, double step);

/* Fits the tail that runs into the window z[cut..m). */
void transient_fit(const double *z, size_t m, size_t cut, struct transient *out);

/* Mean of the tail over [from_s, to_s). */
double transient_mean(const struct transient *transient, double from_s, double to_s);

/* The cut, from `cut` up to `most`, behind which scatter and what is left of the tail are least together. */
size_t transient_best_cut(const struct transient *transient, const double *z, size_t m, size_t cut,
			  size_t most);

#endif
