#include "davit/opencl.h"
#include "suite.h"

int main(int argc, char **argv)
{
    return suite_main(&davit_opencl_backend, argc, argv);
}
