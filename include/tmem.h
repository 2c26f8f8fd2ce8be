/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tmem.h - libtmem, all of it.  One header per part:
 */
#ifndef TMEM_H
#define TMEM_H

#include <tmem/version.h> /* what runs here */
#include <tmem/config.h> /* set-up and log */
#include <tmem/arena.h> /* spans of 2 MiB, placed and shared */
#include <tmem/pressure.h> /* what the module says about memory */
#include <tmem/pool.h> /* allocate and free */
#include <tmem/seal.h> /* equal tensors share their memory */
#include <tmem/cache.h> /* tensors that may be wanted again */
#include <tmem/gc.h> /* idle memory goes back by itself */
#include <tmem/analytics.h> /* who holds the memory, and who leaks */
#include <tmem/optimizer.h> /* have ready what is asked for next */
#include <tmem/monitor.h> /* how short of memory it is, and will be */
#include <tmem/control.h> /* questions from outside */
#include <tmem/health.h> /* how memory is doing, and what would help */
#include <tmem/manager.h> /* the same, counted in elements */
#include <tmem/tensor.h> /* tensors and views of them */
#include <tmem/dlpack.h> /* tensors to and from other frameworks */
#include <tmem/handle.h> /* memory that may be moved */

#endif /* TMEM_H */
