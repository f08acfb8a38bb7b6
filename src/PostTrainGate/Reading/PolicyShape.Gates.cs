using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

// The gates section.
internal static partial class PolicyShape
{
    /// <summary>An entry of the <c>gates</c> section, under the name of its metric.</summary>
    public static class Rule
    {
        public static readonly Key<DateOnly> Until = new("until", new DayShape(), "The last day, in UTC.")
        {
            Example = "until: 2026-12-31",
        };
        public static readonly Key<string> Reason = new(
            "reason",
            new TextShape("a reason", 200),
            "Why the failure is accepted; the report shows it."
        )
        {
            Example = "reason: the retrained model comes in December",
        };

        private static readonly NumberShape Share = new(NumberRange.Share);

        public static readonly Key<double?> Min = new(
            "min",
            Share,
            "The value must be at least this; for a ratio r, the smaller of r and 1/r."
        );
        public static readonly Key<double?> Max = new("max", Share, "The absolute value must be at most this.");
        public static readonly Key<double?> Drop = new(
            "drop",
            Share,
            "The value may be worse than the base branch's by at most this."
        );

        public static readonly Key<Severity?> Severity = new(
            "severity",
            new ChoiceShape<Severity>(),
            "What the gate reports if it does not pass; only an error makes the run fail. Default: the policy's."
        );
        public static readonly Key<Section> Accept = new(
            "accept",
            new MapShape(Until, Reason),
            "Accepts that the gate fails, as a warning, until a date; after it, the gate fails the run again."
        );

        private static readonly ImmutableArray<Key> Thresholds = [Min, Max, Drop];
        private static readonly ImmutableArray<Key> Weights = [Severity, Accept];

        /// <summary>For a metric that is not known: every key of any metric, none needed.</summary>
        public static MapShape Unknown { get; } =
            new(catalog => Known(catalog).Concat(Thresholds).Concat(Weights)) { Partial = true };

        /// <summary>The keys that a metric takes; the others are refused with a reason.</summary>
        public static MapShape For(IMetric metric) => new(catalog => [.. Fitting(metric), .. Refused(metric, catalog)]);

        /// <summary>The keys of a metric besides thresholds.</summary>
        public static IEnumerable<Key> Own(IMetric metric) =>
            metric.ChangesInputs ? metric.Keys.Add(GateKeys.Samples) : metric.Keys;

        // Keys of one name are told apart by what they accept; the table of all has the first.
        private static IEnumerable<Key> Known(ICatalog catalog) =>
            catalog.All<IMetric>().SelectMany(Own).DistinctBy(k => k.Name);

        private static IEnumerable<Key> Fitting(IMetric metric)
        {
            var bound = GatesShape.IsBoundByMax(metric) ? Max : Min;
            // Thresholds of a metric without an upper end are not shares.
            Key Threshold(Key key) =>
                metric.Largest > 1
                    ? new Key<double?>(key.Name, new NumberShape(new(0, metric.Largest)), key.Summary)
                    : key;
            return [.. Own(metric), Threshold(bound), Threshold(Drop), .. Weights];
        }

        private static IEnumerable<Key> Refused(IMetric metric, ICatalog catalog)
        {
            var own = Own(metric).Select(k => k.Name).ToHashSet();
            var (right, wrong) = GatesShape.IsBoundByMax(metric) ? (Max, Min) : (Min, Max);
            var others = Known(catalog)
                .Where(k => !own.Contains(k.Name))
                .Select(k => Refuse(k, $"'{metric.Name}' does not take '{k.Name}'; remove it."));
            return others.Append(
                Refuse(wrong, $"'{metric.Name}' takes '{right.Name}', not '{wrong.Name}': {Direction(metric.Better)}.")
            );
        }

        private static Key<object> Refuse(Key key, string reason) =>
            new(key.Name, key.Shape, key.Summary) { Refused = reason };

        private static string Direction(Better better) =>
            better switch
            {
                Better.Higher => "higher is better",
                Better.Lower => "lower is better",
                Better.NearZero => "values closer to 0 are better",
                _ => "values closer to 1 are better",
            };
    }
}
