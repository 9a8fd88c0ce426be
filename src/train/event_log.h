/* event_log.h - a run's numbers as they come: JSON lines for programs, TensorBoard event files for curves
 * Room: train.  Uses: base/json, base/file.
 * Reference: TensorFlow's record format (length, masked CRC-32C, bytes, masked CRC-32C) and its Event message.
 *
 * Every record is one write to the file, so a kill loses at most the record being written; a half-written last line
 * is cut off at the next start.  A run that is taken up again goes on in the same log.jsonl with a record "resumed",
 * and begins a new event file that tells TensorBoard to forget the steps that are done again; in log.jsonl they stay.
 */
#ifndef RT_TRAIN_EVENT_LOG_H
#define RT_TRAIN_EVENT_LOG_H

#include <stdint.h>

#include "base/status.h"

typedef struct rt_event_log rt_event_log;

typedef struct {
    const char *tag;     /* "loss", "plddt" */
    double value;        /* not finite: null in log.jsonl */
} rt_event_value;

/* folder/log.jsonl (appended to) and folder/events.out.tfevents.<time>.<host>.<process>.  first_step: the step that
 * comes next; where log.jsonl has a line already the run is resumed.  Errors: RT_ERR_IO. */
rt_status rt_event_log_open(rt_event_log **ret_log, const char *folder, int64_t first_step, rt_err *err);
void rt_event_log_close(rt_event_log *log);   /* NULL ok */

/* {"time": seconds since 1970, "step": step, "event": event, "targets": opt_targets, tag: value, ...}, and a
 * TensorBoard value event/tag for each.
 * Errors: RT_ERR_IO (a full disk); the log can be written to again later. */
rt_status rt_event_log_write(rt_event_log *log, const char *event, int64_t step, const rt_event_value *value,
                             int64_t n_value, const char *opt_targets, rt_err *err);

/* CRC-32C (Castagnoli, reflected 0x82F63B78), start with 0. */
uint32_t rt_event_log_crc32c(uint32_t crc, const void *bytes, int64_t size);

#endif
