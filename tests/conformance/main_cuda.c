#include "davit/cuda.h"
#include "suite.h"

int main(int argc, char **argv)
{
    return suite_main(&davit_cuda_backend, argc, argv);
}
