using System.Collections.Immutable;
using System.Text.Json;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Repairs;
using PostTrainGate.Statistics;

namespace PostTrainGate.Gating;

/// <summary>
/// What a reader would mind although the policy does not list it: for each group of the data statistical parity, equal
/// opportunity, average odds, the accuracy and the calibration of the level that fares worst, and the accuracy of each
/// class. Metrics trade against each other, so that a repair of one is held against all.
/// </summary>
internal sealed class HarmPanel
{
    /// <summary>A worsening of a measure by group that nobody would call rounding.</summary>
    private const double Material = 0.02;

    // Classes differ far more than all rows together when a model becomes robust.
    private const double MaterialOfClass = 0.05;

    // What is likely here is certain on the test split, which most often is larger.
    private const double Likely = 0.8;
    private const int FewestRows = 10;
    private const int MostClasses = 100;

    private readonly Evaluation _before;
    private readonly GatePolicy _policy;
    private readonly ImmutableArray<Figure> _figures;

    /// <summary>The panel of a policy on the rows of an evaluation.</summary>
    /// <param name="before">The model before the repair; not owned.</param>
    /// <param name="policy">What it gates is judged by its gates and is no part of the panel.</param>
    public HarmPanel(Evaluation before, GatePolicy policy)
    {
        (_before, _policy) = (before, policy);
        _figures =
        [
            .. Groups()
                .Concat(Classes())
                .Select(f => f with { Before = f.Value(before) })
                .Where(f => double.IsFinite(f.Before)),
        ];
    }

    /// <summary>As <c>repair.accept</c> has it.</summary>
    public static string Name(HarmKind kind) => JsonNamingPolicy.SnakeCaseLower.ConvertName($"{kind}");

    /// <summary>Share of rows that are predicted otherwise.</summary>
    public static double Churn(Evaluation before, Evaluation after) =>
        before.Predictions.Zip(after.Predictions).Count(p => p.First != p.Second)
        / (double)Math.Max(1, before.Data.Count);

    /// <summary>Rows whose prediction becomes right, and rows whose prediction becomes wrong.</summary>
    public static (int Corrected, int Broken) Flips(Evaluation before, Evaluation after)
    {
        var (corrected, broken) = (0, 0);
        foreach (var (i, label) in before.Data.LabelValues.Index())
        {
            var (was, now) = (before.Predictions[i] == label, after.Predictions[i] == label);
            corrected += !was && now ? 1 : 0;
            broken += was && !now ? 1 : 0;
        }

        return (corrected, broken);
    }

    /// <summary>
    /// For choosing: by how much measures get materially worse, summed, and whether one of them does so beyond chance.
    /// </summary>
    public (double Sum, bool Blocks) Weigh(Evaluation after)
    {
        var (sum, blocks) = (0.0, false);
        foreach (var figure in _figures.Where(f => !_policy.Repair!.Accept.Contains(f.Kind)))
        {
            var worsening = figure.Value(after) - figure.Before;
            if (worsening < figure.Tolerance)
                continue;
            sum += worsening - figure.Tolerance;
            blocks |= figure.Worsening(after, Likely, _policy.Seed) is { Lower: > 0 };
        }

        return (sum, blocks);
    }

    /// <summary>Every measure before and after, with the interval of the paired difference.</summary>
    /// <param name="after">The repaired model on the same rows.</param>
    public ImmutableArray<HarmReport> Compare(Evaluation after)
    {
        // All intervals hold together with the policy's confidence.
        var confidence = 1 - (1 - _policy.Confidence) / Math.Max(1, _figures.Length);
        return [.. _figures.Select((f, i) => Compare(f, after, confidence, Seeds.Derive(_policy.Seed, "harm", i)))];
    }

    private HarmReport Compare(Figure figure, Evaluation after, double confidence, int seed)
    {
        var (before, now) = (figure.Before, figure.Value(after));
        var (lower, upper) = figure.Worsening(after, confidence, seed) ?? (double.NaN, double.NaN);
        var worse = now - before >= figure.Tolerance;
        return new()
        {
            Kind = figure.Kind,
            Title = figure.Title,
            Before = figure.Shown(before),
            After = figure.Shown(now),
            Worsening = now - before,
            Lower = double.IsFinite(lower) ? lower : null,
            Upper = double.IsFinite(upper) ? upper : null,
            Standing =
                !worse ? HarmStanding.None
                : _policy.Repair!.Accept.Contains(figure.Kind) ? HarmStanding.Accepted
                : lower > 0 ? HarmStanding.Blocks
                : HarmStanding.Possible,
        };
    }

    private IEnumerable<Figure> Groups()
    {
        var accuracy = Rate.All.First(r => r.Name == "accuracy");
        var calibration = Rate.All.First(r => r.Name == "calibration_error");
        // Of several classes, both rates are of the favorable one against the others.
        var (classes, favorable) = (_before.Data.ClassNames, _before.Data.Favorable);
        var view = classes.Length > 2 ? $" ({Wording.Quote(classes[favorable])} or not)" : "";
        foreach (var name in _before.Data.Groups.Keys.Order(StringComparer.Ordinal).Where(n => !IsLabel(n)))
        {
            foreach (var (metric, kind) in HarmKinds.OfGroups)
            {
                var rule = new GateRule { Metric = metric, Group = name };
                if (!_policy.Gates.Any(g => g.Metric == metric && g.Group == name))
                    yield return OfRule(rule, kind, GateText.Title(rule));
            }

            yield return OfRule(
                new()
                {
                    Metric = GroupExtremum.Minimum,
                    Group = name,
                    Rate = accuracy,
                },
                HarmKind.GroupAccuracy,
                $"lowest accuracy by {name}{view}"
            ) with
            {
                Tolerance = Material + _policy.Repair!.MaxAccuracyDrop,
            };
            yield return OfRule(
                new()
                {
                    Metric = GroupExtremum.Maximum,
                    Group = name,
                    Rate = calibration,
                },
                HarmKind.GroupCalibration,
                $"highest calibration error by {name}{view}"
            );
        }
    }

    // Each level of a group of the label's has one class: how often they are predicted differs more, the better a model
    // is.
    private bool IsLabel(string group)
    {
        var (data, classes) = (_before.Data, new Dictionary<int, int>());
        foreach (var (row, level) in data.Groups[group].LevelOf.Index())
            if (level >= 0 && !classes.TryAdd(level, data.LabelValues[row]) && classes[level] != data.LabelValues[row])
                return false;
        return true;
    }

    private Figure OfRule(GateRule rule, HarmKind kind, string title)
    {
        var metric = (TableMetric)rule.Metric;
        var higherIsBetter = metric.Better is Better.Higher or Better.NearOne;
        return new(kind, title, Material, Value, Worsening) { HigherIsBetter = higherIsBetter };

        double Value(Evaluation e)
        {
            int? scored = rule.Rate is { NeedsScores: true } ? e.Favorable : null;
            if (e.Rows(rule.Group, scored) is not { } rows)
                return double.NaN;
            var table = GroupTable.Count(rows, e.Favorable);
            var value = table.Cells.All(c => c.Count >= FewestRows) ? metric.Value(table, rule) : double.NaN;
            var judged = double.IsNaN(value) ? value : Judge.Judged(metric.Better, new(value, value, value, 0)).Value;
            return higherIsBetter ? -judged : judged;
        }

        (double Lower, double Upper)? Worsening(Evaluation after, double confidence, int seed)
        {
            if (rule.Rate is not { NeedsScores: true })
                return
                    ((IPairedMetric)metric).Loss(new(after, rule, confidence, seed), _before) is { IsMeasured: true } m
                    ? (m.Lower, m.Upper)
                    : null;
            var (a, b) = (
                metric.Measure(new(_before, rule, confidence, seed)),
                metric.Measure(new(after, rule, confidence, seed))
            );
            if (!a.IsMeasured || !b.IsMeasured)
                return null;
            var difference = b.Value - a.Value;
            return (
                difference - Math.Sqrt(Square(b.Value - b.Lower) + Square(a.Upper - a.Value)),
                difference + Math.Sqrt(Square(b.Upper - b.Value) + Square(a.Value - a.Lower))
            );
        }
    }

    private IEnumerable<Figure> Classes()
    {
        var data = _before.Data;
        if (data.ClassNames.Length > MostClasses)
            yield break;
        foreach (var (label, name) in data.ClassNames.Index())
        {
            int[] rows = [.. Enumerable.Range(0, data.Count).Where(i => data.LabelValues[i] == label)];
            if (rows.Length < FewestRows)
                continue;
            yield return new(
                HarmKind.ClassAccuracy,
                $"accuracy of class {name}",
                MaterialOfClass + Spread(data.ClassNames.Length) * _policy.Repair!.MaxAccuracyDrop,
                e => -rows.Count(i => e.Predictions[i] == label) / (double)rows.Length,
                (after, confidence, _) => Paired(rows, label, after, confidence)
            )
            {
                HigherIsBetter = true,
            };
        }
    }

    // How much more than all rows together one of them may lose: of two classes one can lose twice as much, and the more
    // there are, the further they scatter.
    private static double Spread(int classes) => Math.Sqrt(2.0 * classes);

    // The difference of two shares on the same rows.
    private (double Lower, double Upper)? Paired(int[] rows, int label, Evaluation after, double confidence)
    {
        double lost = rows.Count(i => _before.Predictions[i] == label && after.Predictions[i] != label);
        double gained = rows.Count(i => _before.Predictions[i] != label && after.Predictions[i] == label);
        var difference = (lost - gained) / rows.Length;
        var error = Math.Sqrt(((lost + gained) / rows.Length - Square(difference)) / rows.Length);
        var reach = Estimate.Errors(confidence) * error;
        return (difference - reach, difference + reach);
    }

    private static double Square(double x) => x * x;

    // A measure of which less is better.
    private sealed record Figure(
        HarmKind Kind,
        string Title,
        double Tolerance,
        Func<Evaluation, double> Value,
        Func<Evaluation, double, int, (double Lower, double Upper)?> Worsening
    )
    {
        public bool HigherIsBetter { get; init; }

        // Of the model before the repair.
        public double Before { get; init; }

        public double Shown(double value) => HigherIsBetter ? -value : value;
    }
}
