#include "davit/backend.h"
#include "davit/host_queue.h"
#include "davit/null_backend.h"
