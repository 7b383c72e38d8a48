/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/base/embedded.h"
#include "harness/base/json.h"
#include "harness/base/schema.h"
#include "harness/base/schema_rules.h"
#include "harness/base/text.h"

/* JSON with ' in place of ", so that it can be read here. */
static json_t *json(const char *text)
{
	char *copy = xstrdup(text);
	struct error err = {0};
	json_t *value;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_parse(copy, strlen(copy), "test", &err);
	assert_string_equal(err.text, "");
	free(copy);
	return value;
}

/* What is said of the member "x" of document, after the schema {"properties": {"x": SCHEMA}}
 * and $defs; "" if nothing. */
static const char *say_with(const char *defs, const char *schema_text, const char *document_text, bool ignore)
{
	static struct error err;
	char *text = xasprintf("{'$defs': %s, 'properties': {'x': %s}}", defs, schema_text);
	char *wrapped = xasprintf("{'x': %s}", document_text);
	json_t *schema = json(text), *document = json(wrapped), *documents = json_object();
	struct schema_walk walk = {schema, documents, "f.json", "", ignore, 0, 0, &err};
	int result = -1;

	err = (struct error){0};
	if (schema_vet(schema, "test", documents, &err) == 0)
		result = schema_apply(&walk, schema, document, NULL);
	assert_int_equal(result, err.kind == ERROR_NONE ? 0 : -1);
	json_decref(documents);
	json_decref(document);
	json_decref(schema);
	free(wrapped);
	free(text);
	return err.text;
}

static const char *say(const char *schema, const char *document)
{
	return say_with("{}", schema, document, false);
}

static void a_value_of_a_wrong_type_is_named(void **state)
{
	(void)state;
	assert_string_equal(say("{'type': 'string'}", "7"), "f.json: /x: expected a string, got 7");
	assert_string_equal(say("{'type': ['string', 'object']}", "7"),
			    "f.json: /x: expected a string or an object, got 7");
	assert_string_equal(say("{'type': ['string', 'object', 'null']}", "[]"),
			    "f.json: /x: expected a string, an object or null, got a list");
	assert_string_equal(say("{'type': 'integer'}", "1.5"),
			    "f.json: /x: expected a whole number, got 1.5");
	assert_string_equal(say("{'type': 'integer'}", "true"),
			    "f.json: /x: expected a whole number, got true");
	assert_string_equal(say("{'type': 'array'}", "{}"), "f.json: /x: expected a list, got an object");
	assert_string_equal(say("{'type': 'boolean'}", "'yes'"),
			    "f.json: /x: expected true or false, got \"yes\"");
}

static void a_value_of_the_right_type_passes(void **state)
{
	(void)state;
	assert_string_equal(say("{'type': 'integer'}", "4"), "");
	assert_string_equal(say("{'type': 'integer'}", "4.0"), "");
	assert_string_equal(say("{'type': 'number'}", "4"), "");
	assert_string_equal(say("{'type': ['number', 'null']}", "null"), "");
	assert_string_equal(say("{'type': 'boolean'}", "false"), "");
	assert_string_equal(say("{}", "{'anything': [1]}"), "");
	assert_string_equal(say("true", "7"), "");
}

static void a_long_value_is_cut_between_characters(void **state)
{
	const char *said =
		say("{'type': 'number'}", "'äääääääääääääääääääääääääääääääääääääääääääääääääääääääääää'");

	(void)state;
	assert_non_null(strstr(said, "ä...\""));
	assert_true(strlen(said) < 120);
}

static void a_number_outside_its_range_is_shown_with_the_range(void **state)
{
	(void)state;
	assert_string_equal(say("{'minimum': 1, 'maximum': 1000}", "0"), "f.json: /x: 0 is outside 1..1000");
	assert_string_equal(say("{'minimum': 1, 'maximum': 1000}", "1e300"),
			    "f.json: /x: 1e+300 is outside 1..1000");
	assert_string_equal(say("{'minimum': 1}", "0.5"), "f.json: /x: 0.5 is below 1");
	assert_string_equal(say("{'maximum': 4}", "5"), "f.json: /x: 5 is above 4");
	assert_string_equal(say("{'exclusiveMinimum': 0}", "0"), "f.json: /x: 0 is not above 0");
	assert_string_equal(say("{'exclusiveMaximum': 1}", "1"), "f.json: /x: 1 is not below 1");
	assert_string_equal(say("{'minimum': 1, 'maximum': 1000}", "1"), "");
	assert_string_equal(say("{'minimum': 1, 'maximum': 1000}", "1000"), "");
	assert_string_equal(say("{'minimum': 1}", "'no number'"), "");
}

static void a_word_that_is_not_offered_is_shown_with_those_that_are(void **state)
{
	(void)state;
	assert_string_equal(say("{'enum': ['quick', 'standard', 'thorough']}", "'fast'"),
			    "f.json: /x: \"fast\" is not one of: quick, standard, thorough");
	assert_string_equal(say("{'enum': [1, null]}", "2"), "f.json: /x: 2 is not one of: 1, null");
	assert_string_equal(say("{'enum': [1, null]}", "1.0"), "");
	assert_string_equal(say("{'const': 'a'}", "'b'"), "f.json: /x: expected \"a\", got \"b\"");
	assert_string_equal(say("{'const': {'a': [1, 2]}}", "{'a': [1.0, 2]}"), "");
	assert_string_equal(say("{'const': true}", "1"), "f.json: /x: expected true, got 1");
}

static void an_unknown_key_is_shown_with_the_known_ones(void **state)
{
	(void)state;
	assert_string_equal(
		say("{'properties': {'a': {}, 'b': {}}, 'additionalProperties': false}", "{'c': 1}"),
		"f.json: /x: unknown key \"c\"; known are: a, b");
	assert_string_equal(
		say("{'patternProperties': {'^n': {}}, 'additionalProperties': false}", "{'c': 1}"),
		"f.json: /x: unknown key \"c\"; known are those like ^n");
	assert_string_equal(say("{'additionalProperties': false}", "{'c': 1}"),
			    "f.json: /x: unknown key \"c\"; none is expected here");
	assert_string_equal(
		say("{'patternProperties': {'^n': {}}, 'additionalProperties': false}", "{'nn': 1}"), "");
}

static void an_unknown_key_of_a_newer_minor_version_is_passed_over(void **state)
{
	const char *schema = "{'properties': {'a': {'type': 'number'}}, 'additionalProperties': false}";

	(void)state;
	assert_string_equal(say_with("{}", schema, "{'c': 1}", true), "");
	assert_string_equal(say_with("{}", schema, "{'c': 1, 'a': ''}", true),
			    "f.json: /x/a: expected a number, got \"\"");
}

static void members_are_checked_by_name_by_pattern_and_by_default(void **state)
{
	const char *schema =
		"{'properties': {'a': {'type': 'null'}}, 'patternProperties': {'^n[0-9]+$': {'type': "
		"'number'}}, 'additionalProperties': {'type': 'string'}}";

	(void)state;
	assert_string_equal(say(schema, "{'a': null, 'n1': 1, 'other': 's'}"), "");
	assert_string_equal(say(schema, "{'a': 1}"), "f.json: /x/a: expected null, got 1");
	assert_string_equal(say(schema, "{'n1': 's'}"), "f.json: /x/n1: expected a number, got \"s\"");
	assert_string_equal(say(schema, "{'n': 1}"), "f.json: /x/n: expected a string, got 1");
}

static void a_missing_key_is_named(void **state)
{
	(void)state;
	assert_string_equal(say("{'required': ['a', 'b']}", "{'a': null}"), "f.json: /x: \"b\" is missing");
	assert_string_equal(say("{'required': ['a']}", "[]"), "");
}

static void a_list_is_checked_item_by_item(void **state)
{
	(void)state;
	assert_string_equal(say("{'items': {'type': 'string'}}", "['a', 'b', 7]"),
			    "f.json: /x/2: expected a string, got 7");
	assert_string_equal(say("{'minItems': 1}", "[]"), "f.json: /x: has 0 items, expected 1 or more");
	assert_string_equal(say("{'maxItems': 1}", "[1, 2]"), "f.json: /x: has 2 items, expected 1 or fewer");
	assert_string_equal(say("{'uniqueItems': true}", "[1, {'a': 1}, {'a': 1.0}]"),
			    "f.json: /x/2: repeats item 1");
	assert_string_equal(say("{'uniqueItems': true}", "[1, true, '1', [1], {'a': 1}]"), "");
	assert_string_equal(say("{'items': false}", "[1]"), "f.json: /x/0: is not allowed here");
}

static void a_text_is_measured_in_characters(void **state)
{
	(void)state;
	assert_string_equal(say("{'minLength': 1}", "''"), "f.json: /x: is empty");
	assert_string_equal(say("{'minLength': 3}", "'ää'"),
			    "f.json: /x: has 2 characters, expected 3 or more");
	assert_string_equal(say("{'maxLength': 2}", "'äää'"),
			    "f.json: /x: has 3 characters, expected 2 or fewer");
	assert_string_equal(say("{'minLength': 2, 'maxLength': 2}", "'ää'"), "");
}

static void a_text_that_does_not_match_is_shown_with_what_it_should_be(void **state)
{
	(void)state;
	assert_string_equal(say("{'pattern': '^[a-z]+$'}", "'A b'"),
			    "f.json: /x: \"A b\" does not match ^[a-z]+$");
	assert_string_equal(say("{'pattern': '^[a-z]+$', 'description': 'small letters'}", "'A'"),
			    "f.json: /x: \"A\" is not as expected: small letters");
	assert_string_equal(say("{'pattern': '^[a-z]+$'}", "'ab'"), "");
}

static void of_several_forms_the_fitting_one_speaks(void **state)
{
	const char *forms = "{'anyOf': [{'type': 'string'}, {'type': 'object', 'required': ['a']}]}";
	const char *numbers = "{'anyOf': [{'type': 'integer', 'minimum': 1}, {'const': 'placed'}]}";
	const char *nullable = "{'anyOf': [{'$ref': '#/$defs/n'}, {'type': 'null'}]}";

	(void)state;
	assert_string_equal(say(forms, "'s'"), "");
	assert_string_equal(say(forms, "{'a': 1}"), "");
	assert_string_equal(say(forms, "{}"), "f.json: /x: \"a\" is missing");
	assert_string_equal(say(forms, "7"), "f.json: /x: expected a string or an object, got 7");
	assert_string_equal(say(numbers, "'placed'"), "");
	assert_string_equal(say(numbers, "0"), "f.json: /x: 0 is below 1");
	assert_string_equal(say(numbers, "'all'"),
			    "f.json: /x: expected a whole number or \"placed\", got \"all\"");
	assert_string_equal(say_with("{'n': {'type': 'number', 'maximum': 9}}", nullable, "null", false), "");
	assert_string_equal(say_with("{'n': {'type': 'number', 'maximum': 9}}", nullable, "10", false),
			    "f.json: /x: 10 is above 9");
	assert_string_equal(say_with("{'n': {'type': 'number'}}", nullable, "'s'", false),
			    "f.json: /x: expected a number or null, got \"s\"");
}

static void of_two_forms_of_an_object_the_one_that_got_further_speaks(void **state)
{
	const char *forms =
		"{'oneOf': [{'type': 'object', 'properties': {'kind': {'const': 'a'}}}, {'type': 'object', "
		"'properties': {'kind': {'const': 'b'}, 'list': {'items': {'type': 'null'}}}}]}";

	(void)state;
	assert_string_equal(say(forms, "{'kind': 'b', 'list': [1]}"),
			    "f.json: /x/list/0: expected null, got 1");
}

static void exactly_one_form_may_fit_where_the_schema_says_so(void **state)
{
	(void)state;
	assert_string_equal(say("{'oneOf': [{'minimum': 1}, {'minimum': 2}]}", "1"), "");
	assert_string_equal(say("{'oneOf': [{'minimum': 1}, {'minimum': 2}]}", "3"),
			    "f.json: /x: fits more than one of the forms it may have");
	assert_string_equal(say("{'allOf': [{'minimum': 1}, {'maximum': 2}]}", "3"),
			    "f.json: /x: 3 is above 2");
}

static void a_reference_stands_for_its_definition(void **state)
{
	const char *defs =
		"{'n': {'type': 'number'}, 'list': {'items': {'$ref': '#/$defs/list'}, 'type': 'array'}}";

	(void)state;
	assert_string_equal(say_with(defs, "{'$ref': '#/$defs/n'}", "''", false),
			    "f.json: /x: expected a number, got \"\"");
	assert_string_equal(say_with(defs, "{'$ref': '#/$defs/n', 'minimum': 3}", "2", false),
			    "f.json: /x: 2 is below 3");
	assert_string_equal(say_with(defs, "{'$ref': '#/$defs/list'}", "[[], [[1]]]", false),
			    "f.json: /x/1/0/0: expected a list, got 1");
	assert_string_equal(say_with(defs, "{'$ref': 'state.schema.json#/$defs/name'}", "'No'", false),
			    "f.json: /x: \"No\" is not as expected: lower-case letters, digits and dashes, a "
			    "letter first");
}

static void after_a_reference_to_another_schema_its_own_definitions_hold_again(void **state)
{
	const char *both =
		"{'allOf': [{'$ref': 'state.schema.json#/$defs/name'}, {'$ref': '#/$defs/short'}]}";

	(void)state;
	assert_string_equal(say_with("{'short': {'maxLength': 2}}", both, "'ab'", false), "");
	assert_string_equal(say_with("{'short': {'maxLength': 2}}", both, "'abc'", false),
			    "f.json: /x: has 3 characters, expected 2 or fewer");
}

static void a_reference_to_itself_ends(void **state)
{
	(void)state;
	assert_string_equal(say_with("{'n': {'$ref': '#/$defs/n'}}", "{'$ref': '#/$defs/n'}", "1", false),
			    "f.json: /x: is nested too deeply");
	assert_string_equal(
		say_with("{'n': {'anyOf': [{'$ref': '#/$defs/n'}]}}", "{'$ref': '#/$defs/n'}", "1", false),
		"f.json: /x: is nested too deeply");
}

static void a_schema_with_an_unchecked_rule_is_refused(void **state)
{
	(void)state;
	assert_string_equal(say("{'multipleOf': 2}", "3"),
			    "schema test: \"multipleOf\" is no keyword that is checked");
	assert_string_equal(say_with("{'unused': {'items': {'not': {}}}}", "{}", "3", false),
			    "schema test: \"not\" is no keyword that is checked");
	assert_string_equal(say("{'minimum': '2'}", "3"),
			    "schema test: \"minimum\" has a value of the wrong type");
	assert_string_equal(say("{'type': 'text'}", "3"),
			    "schema test: \"type\" has a value of the wrong type");
	assert_string_equal(say("{'pattern': '['}", "3"), "schema test: \"[\" is not a regular expression");
	assert_string_equal(say("{'patternProperties': {'(': {}}}", "3"),
			    "schema test: \"(\" is not a regular expression");
	assert_string_equal(say("{'$ref': '#/$defs/none'}", "3"), "there is no schema #/$defs/none");
	assert_string_equal(say("{'$ref': 'none.json'}", "3"), "there is no built-in schema none.json");
	assert_string_equal(say("{'anyOf': [3]}", "3"), "schema test: a part of it is not a schema");
}

static void a_pointer_is_escaped(void **state)
{
	(void)state;
	assert_string_equal(say("{'additionalProperties': {'type': 'null'}}", "{'a/b~c\\u0007': 1}"),
			    "f.json: /x/a~1b~0c\\u0007: expected null, got 1");
}

static const char *format_said(const char *text, bool *newer)
{
	static struct error err;
	json_t *document = json(text);
	int result;

	err = (struct error){0};
	result = schema_check_format(document, "wattstep/plan", "f.json", newer, &err);
	assert_int_equal(result, err.kind == ERROR_NONE ? 0 : -1);
	json_decref(document);
	return err.text;
}

static void the_format_has_to_be_the_expected_one(void **state)
{
	bool newer;

	(void)state;
	assert_string_equal(format_said("[]", &newer), "f.json: /: expected an object, got a list");
	assert_string_equal(format_said("{}", &newer),
			    "f.json: /: \"format\" is missing, expected \"wattstep/plan\"");
	assert_string_equal(format_said("{'format': 7}", &newer),
			    "f.json: /format: expected \"wattstep/plan\", got 7");
	assert_string_equal(format_said("{'format': 'wattstep/state'}", &newer),
			    "f.json: /format: this is a \"wattstep/state\", expected a \"wattstep/plan\"");
	assert_string_equal(format_said("{'format': 'wattstep/plan'}", &newer),
			    "f.json: /: \"format_version\" is missing, expected \"1.0\"");
}

static const char *version_said(const char *version, bool *newer)
{
	char *text = xasprintf("{'format': 'wattstep/plan', 'format_version': %s}", version);
	const char *said = format_said(text, newer);

	free(text);
	return said;
}

static void a_higher_minor_version_is_read_and_a_higher_major_one_is_not(void **state)
{
	bool newer;

	(void)state;
	assert_string_equal(version_said("'1.0'", &newer), "");
	assert_false(newer);
	assert_string_equal(version_said("'1.12'", &newer), "");
	assert_true(newer);
	assert_string_equal(version_said("'2.0'", &newer), "f.json: /format_version: \"2.0\" is newer than "
							   "this program reads (1.x): use a newer wattstep");
	assert_false(newer);
	assert_string_equal(version_said("'0.9'", &newer),
			    "f.json: /format_version: expected \"1.0\", got \"0.9\"");
	assert_string_equal(version_said("1.0", &newer), "f.json: /format_version: expected \"1.0\", got 1");
	assert_string_equal(version_said("'1.01'", &newer),
			    "f.json: /format_version: expected \"1.0\", got \"1.01\"");
	assert_string_equal(version_said("'1'", &newer),
			    "f.json: /format_version: expected \"1.0\", got \"1\"");
	assert_string_equal(version_said("'1.99999999999999999999999'", &newer),
			    "f.json: /format_version: expected \"1.0\", got \"1.99999999999999999999999\"");
}

static void every_built_in_schema_has_only_rules_that_are_checked(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (const struct embedded_file *f = embedded_files; f->path; f++) {
		struct error err = {0};
		json_t *anything;

		if (!strstr(f->path, ".schema.json"))
			continue;
		anything = json("[]");
		assert_int_equal(schema_check(anything, strrchr(f->path, '/') + 1, "f.json", false, &err),
				 -1);
		assert_string_equal(error_kind_name(err.kind), "input"); /* "failed": the schema itself */
		json_decref(anything);
		seen++;
	}
	assert_true(seen >= 2);
}

static void a_part_of_a_document_is_named_by_its_pointer(void **state)
{
	json_t *part = json("{'stressor': 'cpu', 'workers': 0}");
	struct error err = {0};

	(void)state;
	assert_int_equal(schema_check_part(part, "state.schema.json#/$defs/stressor", "f.json", "/states/2",
					   false, &err),
			 -1);
	assert_string_equal(err.text, "f.json: /states/2/workers: 0 is outside 1..4096");
	json_decref(part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_of_a_wrong_type_is_named),
		cmocka_unit_test(a_value_of_the_right_type_passes),
		cmocka_unit_test(a_long_value_is_cut_between_characters),
		cmocka_unit_test(a_number_outside_its_range_is_shown_with_the_range),
		cmocka_unit_test(a_word_that_is_not_offered_is_shown_with_those_that_are),
		cmocka_unit_test(an_unknown_key_is_shown_with_the_known_ones),
		cmocka_unit_test(an_unknown_key_of_a_newer_minor_version_is_passed_over),
		cmocka_unit_test(members_are_checked_by_name_by_pattern_and_by_default),
		cmocka_unit_test(a_missing_key_is_named),
		cmocka_unit_test(a_list_is_checked_item_by_item),
		cmocka_unit_test(a_text_is_measured_in_characters),
		cmocka_unit_test(a_text_that_does_not_match_is_shown_with_what_it_should_be),
		cmocka_unit_test(of_several_forms_the_fitting_one_speaks),
		cmocka_unit_test(of_two_forms_of_an_object_the_one_that_got_further_speaks),
		cmocka_unit_test(exactly_one_form_may_fit_where_the_schema_says_so),
		cmocka_unit_test(a_reference_stands_for_its_definition),
		cmocka_unit_test(after_a_reference_to_another_schema_its_own_definitions_hold_again),
		cmocka_unit_test(a_reference_to_itself_ends),
		cmocka_unit_test(a_schema_with_an_unchecked_rule_is_refused),
		cmocka_unit_test(a_pointer_is_escaped),
		cmocka_unit_test(the_format_has_to_be_the_expected_one),
		cmocka_unit_test(a_higher_minor_version_is_read_and_a_higher_major_one_is_not),
		cmocka_unit_test(every_built_in_schema_has_only_rules_that_are_checked),
		cmocka_unit_test(a_part_of_a_document_is_named_by_its_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
