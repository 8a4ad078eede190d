/* Which command lines ask for emulated boards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit_test.h"

#include "emulate.h"

/* The number of boards that `davit WORDS` needs; words are separated by blanks. */
static unsigned wanted(const char *words)
{
    char text[256];
    char *argv[16] = {"davit"};
    int argc = 1;
    (void)snprintf(text, sizeof(text), "%s", words);
    for (char *word = strtok(text, " "); word != NULL && argc < 15; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    return cli_boards_wanted(argc, argv);
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        unsigned boards;
    } cases[] = {
        {"devices", 0},
        {"run m.onnx --devices cpu", 0},
        {"run m.onnx --devices fpga:emu", 1},
        {"run m.onnx --devices fpga:emu,cpu", 1},
        {"run --devices=cpu,fpga:emu:2 m.onnx", 3},
        {"run m.onnx -d fpga:emu:0", 1},
        {"run m.onnx -dcpu,fpga:emu:1,fpga:emu", 2},
        {"run m.onnx --dev fpga:emu", 1},
        {"run m.onnx --pin conv1=fpga:emu:3", 4},
        {"run m.onnx --devices cpu --pin conv1=cpu --pin conv2=fpga:emu", 1},
        {"calibrate --device fpga:emu", 1},
        {"run m.onnx --devices fpga:0,cuda:emu", 0},
        {"run m.onnx --devices fpga:emulated", 0},
        {"run m.onnx --devices myfpga:emu", 0},
        {"run m.onnx --devices fpga:emu:x", 0},
        {"run m.onnx --devices fpga:emu:99", 0}, /* there are no so many: told where devices are */
        {"run fpga:emu --output fpga:emu", 0},
        {"run m.onnx -- --devices fpga:emu", 0},
        {"run m.onnx --devices", 0},
        {"run m.onnx --plan /nonexistent/fpga:emu", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(wanted(cases[i].words), cases[i].boards);
    }
}

static void test_plan(void **state)
{
    (void)state;
    char path[] = "/tmp/davit-test-plan-XXXXXX";
    const char text[] = "{\"devices\": [\"cpu\", \"fpga:emu:1\"]}";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, sizeof(text) - 1), sizeof(text) - 1);
    assert_int_equal(close(file), 0);
    char words[128];
    (void)snprintf(words, sizeof(words), "run m.onnx --plan %s", path);
    assert_int_equal(wanted(words), 2);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
