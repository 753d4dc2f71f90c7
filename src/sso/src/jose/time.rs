//! Moments as a JWT writes them. Knows `NumericDate`; does not know which claim.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// RFC 7519 section 2, `NumericDate`: seconds since the epoch, "non-integer values can be represented" (Canaille sends a
/// fractional `auth_time`). `None` for anything else, negative numbers included.
pub(crate) fn numeric_date(value: &Value) -> Option<DateTime<Utc>> {
    let since_epoch = match value.as_u64() {
        Some(seconds) => Duration::from_secs(seconds),
        None => Duration::try_from_secs_f64(value.as_f64()?).ok()?,
    };
    later(DateTime::UNIX_EPOCH, since_epoch)
}

/// `moment + by`, or `None` beyond the calendar.
pub(crate) fn later(moment: DateTime<Utc>, by: Duration) -> Option<DateTime<Utc>> {
    moment.checked_add_signed(TimeDelta::from_std(by).ok()?)
}

/// The time from `earlier` to `later`; zero if they are the other way round.
pub(crate) fn between(earlier: DateTime<Utc>, later: DateTime<Utc>) -> Duration {
    (later - earlier).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::numeric_date;

    #[test]
    fn whole_and_fractional_seconds_are_moments() {
        assert_eq!(numeric_date(&json!(1_795_298_846)).unwrap().timestamp(), 1_795_298_846);
        assert_eq!(numeric_date(&json!(1_795_298_846.798)).unwrap().timestamp_millis(), 1_795_298_846_798);
        assert_eq!(numeric_date(&json!(0)).unwrap().timestamp(), 0);
    }

    #[test]
    fn everything_else_is_not() {
        for value in [json!(-1), json!("1795298846"), json!(null), json!(1e300), json!(u64::MAX), json!([1])]
        {
            assert_eq!(numeric_date(&value), None, "{value}");
        }
    }
}
