#include "davit/reference.h"
