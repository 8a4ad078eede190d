#include "davit/xrt.h"
#include "suite.h"

/* In the environment of emulated boards (davit emulate --), or on a machine with a card. */
int main(int argc, char **argv)
{
    return suite_main(&davit_xrt_backend, argc, argv);
}
