#include "davit/execute.h"
