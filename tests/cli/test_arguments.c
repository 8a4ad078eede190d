#include "unit_test.h"

#include <string.h>

#include "cli.h"

static bool parse(const cli_command *command, const char *const *words, cli_arguments *arguments,
                  int *exit_code)
{
    char *argv[16] = {(char *)command->name};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++) {
        argv[argc] = (char *)words[argc - 1];
    }
    argv[argc] = NULL;
    return cli_parse(command, argc, argv, arguments, exit_code);
}

static void test_options_and_positionals_mix(void **state)
{
    (void)state;
    const char *words[] = {"--shape", "x=1x3",  "m.onnx", "-i",       "x=a=b.npy", "-vv",
                           "--strict", "-n",    "7",      "--threads=2", NULL};
    cli_arguments arguments;
    int exit_code;
    assert_true(parse(&cli_run, words, &arguments, &exit_code));
    assert_int_equal(arguments.positional.count, 1);
    assert_string_equal(arguments.positional.items[0], "m.onnx");
    assert_string_equal(arguments.shapes.items[0], "x=1x3");
    assert_true(arguments.strict);
    assert_false(arguments.verify);
    assert_int_equal(arguments.repeat, 7);
    assert_int_equal(arguments.threads, 2);
    assert_int_equal(arguments.level, DAVIT_DEBUG);
    assert_string_equal(arguments.inputs.items[0], "x=a=b.npy");
    cli_arguments_clear(&arguments);
}

static void test_wrong_usage_is_exit_2(void **state)
{
    (void)state;
    static const char *const bad[][4] = {
        {"--unknown"},         {"-z"},           {"--shape"},        {"--shape", "noequals"},
        {"--input", "=x.npy"}, {"-n", "0"},      {"-n", "1x"},       {"-n", "99999999999999999999"},
        {"--threads", "-1"},   {"--pin", "abc"}, {"--verify=value"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cli_arguments arguments;
        int exit_code = -1;
        assert_false(parse(&cli_run, bad[i], &arguments, &exit_code));
        assert_int_equal(exit_code, CLI_USAGE);
    }
}

static void test_commands_take_only_their_options(void **state)
{
    (void)state;
    const char *words[] = {"--verify", NULL};
    cli_arguments arguments;
    int exit_code = -1;
    assert_false(parse(&cli_check, words, &arguments, &exit_code));
    assert_int_equal(exit_code, CLI_USAGE);
}

/* Every option of every table is understood. */
static void test_every_option_is_handled(void **state)
{
    (void)state;
    const cli_command *const commands[] = {&cli_devices, &cli_run, &cli_plan, &cli_check,
                                           &cli_bench};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        for (const cli_option *option = commands[i]->options; option->name != NULL; option++) {
            if (strcmp(option->name, "help") == 0) {
                continue;
            }
            char word[64];
            snprintf(word, sizeof(word), "--%s", option->name);
            bool pair = option->argument != NULL && strchr(option->argument, '=') != NULL;
            const char *words[] = {word, option->argument == NULL ? NULL : (pair ? "a=1" : "1"),
                                   NULL};
            cli_arguments arguments;
            int exit_code;
            assert_true(parse(commands[i], words, &arguments, &exit_code));
            cli_arguments_clear(&arguments);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_and_positionals_mix),
        cmocka_unit_test(test_wrong_usage_is_exit_2),
        cmocka_unit_test(test_commands_take_only_their_options),
        cmocka_unit_test(test_every_option_is_handled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
