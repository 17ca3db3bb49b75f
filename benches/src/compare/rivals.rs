//! What rivals need to be installed, each as its documentation advises, and how to read back what they hold.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fastrace::collector::{Config, Reporter, SpanRecord};
use measured::metric::MetricFamilyEncoding;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, HistogramDataPoint, MetricData, ResourceMetrics, SumDataPoint,
};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use prometheus_client::registry::{Metric, Registry};

/// Upper bounds in seconds: Prometheus' default buckets, for every rival that wants to be given some.
pub(crate) const BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The recorder of `metrics`, installed once for the process; its upkeep is run between batches, as a server would.
pub(crate) fn metrics_recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let installed = PrometheusBuilder::new().install_recorder();
        installed.expect("nobody else installs a recorder")
    })
}

/// The value of the line that starts with `name`, in the text format of Prometheus; 0 if there is none.
pub(crate) fn value_in(text: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let value = lines.find_map(|rest| rest.strip_prefix(' ')?.trim().parse().ok());
    value.unwrap_or_default()
}

/// A registry that holds one metric of `prometheus_client`, and a way to read `line` of what it exposes.
pub(crate) fn registered_client(metric: impl Metric, line: &'static str) -> impl FnMut() -> u64 {
    let mut registry = Registry::default();
    registry.register("m", "A metric", metric);
    move || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("memory is enough");
        value_in(&text, line)
    }
}

/// Reads `line` of what a metric of `measured` exposes.
pub(crate) fn measured_value(
    metric: &impl MetricFamilyEncoding<BufferedTextEncoder>,
    line: &str,
) -> u64 {
    let mut encoder = BufferedTextEncoder::new();
    let written = metric.collect_family_into(MetricName::from_str("m"), &mut encoder);
    written.expect("memory is enough");
    value_in(&String::from_utf8_lossy(&encoder.finish()), line)
}

/// Keeps the number of measurements that was exported last.
struct Exported(Arc<AtomicU64>);

impl PushMetricExporter for Exported {
    async fn export(&self, exported: &ResourceMetrics) -> OTelSdkResult {
        let scopes = exported.scope_metrics();
        let sum =
            scopes.flat_map(|scope| scope.metrics().map(|metric| measurements(metric.data())));
        self.0.store(sum.sum(), Relaxed);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn measurements(data: &AggregatedMetrics) -> u64 {
    match data {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => {
            sum.data_points().map(SumDataPoint::value).sum()
        }
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
            histogram.data_points().map(HistogramDataPoint::count).sum()
        }
        _ => 0,
    }
}

/// A meter with the SDK's periodic reader behind it, and a way to read how much was measured.
pub(crate) fn open_telemetry() -> (Meter, impl FnMut() -> u64) {
    let exported = Arc::new(AtomicU64::new(0));
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(Exported(Arc::clone(&exported)))
        .build();
    let meter = provider.meter("compare");
    let count = move || {
        provider.force_flush().expect("this exporter never fails");
        exported.load(Relaxed)
    };
    (meter, count)
}

/// What root spans are called; they are not counted.
pub(crate) const ROOT: &str = "root";

/// Counts the spans that were reported, and drops them.
struct Reported;

static REPORTED: AtomicU64 = AtomicU64::new(0);

impl Reporter for Reported {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        let below = spans.iter().filter(|span| span.name != ROOT).count();
        REPORTED.fetch_add(below as u64, Relaxed);
    }
}

/// Installs the reporter of fastrace, once for the process.
pub(crate) fn install_fastrace() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| fastrace::set_reporter(Reported, Config::default()));
}

/// Spans below a root that fastrace reported so far.
pub(crate) fn fastrace_spans() -> u64 {
    fastrace::flush();
    REPORTED.load(Relaxed)
}

/// A value that the timed body and its check share, on one thread.
pub(crate) type Shared<T> = Rc<RefCell<T>>;

/// Puts a value where the timed body and its check can both reach it.
pub(crate) fn shared<T>(value: T) -> Shared<T> {
    Rc::new(RefCell::new(value))
}
