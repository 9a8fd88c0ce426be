#include "score/table.h"
