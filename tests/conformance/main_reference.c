#include "davit/reference.h"
#include "suite.h"

int main(int argc, char **argv)
{
    return suite_main(&davit_reference_backend, argc, argv);
}
