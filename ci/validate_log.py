#!/usr/bin/env python3
"""Checks a log that `tacho run` has written: every line, and the lines against each other.

    ci/validate_log.py LOG [--events FILE] [--frames N | --interval S --seconds S --fps N]
"""

import argparse
import datetime
import json

OUTCOMES = {"frame_idle": "frames_idle", "frame_motion": "frames_motion", "frame_suppressed": "events_suppressed",
            "frame_event": "events_created", "frame_failed": "frames_failed"}
TIMERS = ("coreml_inference", "llm_inference", "frame_processing_latency", *OUTCOMES)
STATISTICS = ("avg", "min", "max", "p50", "p95", "p99", "count", "span_s", "age_s")
FIELDS = """timestamp time version schema_version sequence frames_processed motion_detected motion_hit_rate events_created
    events_suppressed cpu_usage_current cpu_usage_avg process_cpu_usage memory_usage_mb memory_usage_gb
    memory_usage_percent process_memory_mb system_availability system_uptime_percent system_start_time uptime_seconds
    metrics_collection_overhead_percent frames_idle frames_failed in_flight slowest_frames frames_untraced
    samples_overwritten samples_rejected log_errors custom""".split() + [f"{timer}_{name}" for timer in TIMERS for name in STATISTICS]


def check(condition, line, what):
    if not condition:
        raise SystemExit(f"line {line}: {what}")


def check_line(number, line, final):
    missing = [name for name in FIELDS if name not in line]
    check(not missing, number, f"missing {missing}")
    frames = line["frames_processed"]
    check(sum(line[name] for name in OUTCOMES.values()) == frames, number, f"the outcomes do not add up to {frames}")
    for timer, count in OUTCOMES.items():
        # A frame is timed before it is counted, so a line that is taken in between has one more.
        check(0 <= line["lifetime"][timer]["count"] - line[count] <= 1, number, f"{timer} is not {count}")
    slowest = [frame["ms"] for frame in line["slowest_frames"]]
    check(slowest == sorted(slowest, reverse=True) and len(slowest) == min(frames, 8), number, f"slowest: {slowest}")
    for frame in line["slowest_frames"]:
        check(sum(stage["ms"] for stage in frame["stages"]) <= frame["ms"] + 1e-6, number, "stages longer than their frame")
        check(frame["event_id"] is None or frame["outcome"] == "event", number, f"an event of a frame that is {frame['outcome']}")
    check(line["motion_detected"] <= frames, number, "more motion than frames")
    recorded = line["samples_counted"] + line["samples_overwritten"] + line["samples_pending"]
    check(line["samples_recorded"] == recorded, number, "samples are not conserved")
    for timer in TIMERS:
        values = [line[f"{timer}_{name}"] for name in ("min", "p50", "p95", "p99", "max")]
        if line[f"{timer}_count"] == 0:
            check(values == [None] * 5, number, f"{timer} claims values without samples")
        else:
            check(values == sorted(values), number, f"{timer} is not in order: {values}")
    check(abs(datetime.datetime.fromisoformat(line["time"]).timestamp() - line["timestamp"]) < 0.002, number, "time")
    check(0 <= line["system_availability"] <= 100, number, "availability")
    if final:
        overhead = line["metrics_collection_overhead_percent"]
        check(overhead is not None and overhead < 1, number, f"overhead {overhead} %")
        check(line["cpu_usage_current"] is not None and 0 <= line["cpu_usage_current"] <= 100, number, "cpu")
        with open("/proc/meminfo") as meminfo:
            total_mb = int(meminfo.readline().split()[1]) / 1024
        check(0 < line["memory_usage_mb"] < total_mb, number, "memory")
        check(1 < line["process_memory_mb"] < 1024, number, "process memory")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("--events")
    parser.add_argument("--frames", type=int)
    parser.add_argument("--interval", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--fps", type=float)
    args = parser.parse_args()

    with open(args.log) as log:
        lines = [json.loads(line) for line in log]
    check(lines, 0, "the log is empty")
    long_enough = args.frames is None
    for number, line in enumerate(lines, 1):
        check_line(number, line, final=long_enough and number == len(lines))
    last = lines[-1]
    if args.frames is not None:
        check(last["frames_processed"] == args.frames, len(lines), f"{last['frames_processed']} frames, not {args.frames}")
    if args.interval:
        wanted = round(args.seconds / args.interval)
        check(wanted <= len(lines) <= wanted + 1, len(lines), f"{wanted} lines and a last one are due")
        for number in range(1, wanted):
            gap = lines[number]["timestamp"] - lines[number - 1]["timestamp"]
            check(abs(gap - args.interval) < 0.25 * args.interval, number + 1, f"{gap:.3f} s after the line before")
        due = args.seconds * args.fps
        check(abs(last["frames_processed"] - due) <= 2, len(lines), f"{last['frames_processed']} frames, {due} are due")
    if args.events:
        with open(args.events) as events:
            count = len([json.loads(line) for line in events])
        check(count == last["events_created"], len(lines), f"{count} events in the file, {last['events_created']} counted")
    print(f"{args.log}: {len(lines)} lines are right, {last['frames_processed']} frames, {last['events_created']} events")


main()
