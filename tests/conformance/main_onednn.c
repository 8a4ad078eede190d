#include "davit/onednn.h"
#include "suite.h"

int main(int argc, char **argv)
{
    return suite_main(&davit_onednn_backend, argc, argv);
}
