/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "harness/base/schema_rules.h"
#include "harness/base/text.h"

/* A branch that is only a $ref stands for what it refers to. */
static const json_t *branch_target(const struct schema_walk *walk, const json_t *branch, const json_t **root)
{
	const json_t *reference;

	*root = walk->root;
	for (unsigned hops = 0; hops < SCHEMA_DEPTH_MOST && (reference = json_object_get(branch, "$ref"));
	     hops++)
		branch = schema_resolve(json_string_value(reference), root, walk->documents, NULL);
	return branch;
}

static const json_t *branch_choices(const json_t *branch)
{
	const json_t *choices = json_object_get(branch, "anyOf");

	return choices ? choices : json_object_get(branch, "oneOf");
}

/* Whether value is of the kind that a branch is about, so that what the branch has against it helps. */
static bool branch_is_about(const json_t *branch, const json_t *value)
{
	const json_t *types = json_object_get(branch, "type");
	const json_t *fixed = json_object_get(branch, "const");

	if (fixed)
		return schema_equal(fixed, value);
	if (json_object_get(branch, "enum"))
		return false;
	return !types || schema_type_fits(types, value);
}

/* Adds what a branch expects, in words. */
static void add_words(struct strings *words, const struct schema_walk *walk, const json_t *branch)
{
	const json_t *root;
	const json_t *target = branch_target(walk, branch, &root);
	const json_t *choices = branch_choices(target), *types = json_object_get(target, "type"), *choice;
	struct schema_walk inner = *walk;
	char *text;
	size_t i;

	inner.root = root;
	inner.depth++;
	if (choices && inner.depth < SCHEMA_DEPTH_MOST) {
		json_array_foreach(choices, i, choice) add_words(words, &inner, choice);
		return;
	}
	if (json_object_get(target, "const"))
		text = schema_value_text(json_object_get(target, "const"));
	else if (json_object_get(target, "enum"))
		text = schema_list_text(json_object_get(target, "enum"));
	else
		text = types ? schema_types_text(types) : xstrdup("another form");
	strings_add(words, text);
	free(text);
}

static int refuse_all_branches(struct schema_walk *walk, const json_t *branches, const json_t *value,
			       const struct place *place)
{
	char *expected, *came = schema_value_text(value);
	struct strings words = {0};
	const json_t *branch;
	size_t i;

	json_array_foreach(branches, i, branch) add_words(&words, walk, branch);
	expected = schema_or(&words);
	schema_refuse(walk, place, "expected %s, got %s", expected, came);
	strings_free(&words);
	free(expected);
	free(came);
	return -1;
}

/*
 * How many branches accept value. Where none does, *best is what the branch
 * says that is about this kind of value and got furthest; ERROR_NONE if there
 * is no such branch.
 */
static size_t try_branches(const struct schema_walk *walk, const json_t *branches, const json_t *value,
			   const struct place *place, struct error *best, size_t *best_depth)
{
	size_t accepted = 0, i;
	const json_t *branch;

	json_array_foreach(branches, i, branch)
	{
		const json_t *root;
		struct error error = {0};
		struct schema_walk trial = *walk;

		trial.err = &error;
		if (schema_apply(&trial, branch, value, place) == 0) {
			accepted++;
			continue;
		}
		if (!branch_is_about(branch_target(walk, branch, &root), value))
			continue;
		if (best->kind == ERROR_NONE || trial.failed_depth > *best_depth) {
			*best = error;
			*best_depth = trial.failed_depth;
		}
	}
	return accepted;
}

static int check_branches(struct schema_walk *walk, const json_t *branches, const json_t *value,
			  const struct place *place, bool only_one)
{
	struct error best = {0};
	size_t depth = 0;
	size_t accepted = try_branches(walk, branches, value, place, &best, &depth);

	if (accepted == 1 || (accepted > 1 && !only_one))
		return 0;
	if (accepted > 1)
		return schema_refuse(walk, place, "fits more than one of the forms it may have");
	if (best.kind == ERROR_NONE)
		return refuse_all_branches(walk, branches, value, place);
	walk->failed_depth = depth;
	return error_set(walk->err, best.kind, "%s", best.text);
}

SCHEMA_RULE(schema_rule_any_of)
{
	(void)schema;
	return check_branches(walk, rule, value, place, false);
}

SCHEMA_RULE(schema_rule_one_of)
{
	(void)schema;
	return check_branches(walk, rule, value, place, true);
}
