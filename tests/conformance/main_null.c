#include "davit/null_backend.h"
#include "suite.h"

int main(int argc, char **argv)
{
    return suite_main(&davit_null_backend, argc, argv);
}
