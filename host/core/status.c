#include "davit/status.h"
#include "davit/memory_plan.h"
#include "davit/tensor.h"
