using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models;

namespace PostTrainGate.Cli.Init;

/// <summary>
/// Which gates a first policy has, and their thresholds: round numbers that a good model meets today, and what a team
/// would want of a bad one.
/// </summary>
internal static class DraftGates
{
    /// <summary>Rows that a gate attacks: of large images fewer, as each takes seconds.</summary>
    public static int AttackedRows(DataLook data) => IsSmall(data) ? 500 : 200;

    /// <summary>Rows that are attacked to find a threshold.</summary>
    public static int TriedRows(DataLook data) => IsSmall(data) ? 200 : 50;

    // Classes are compared by how often they are right, not by how often they are favored.
    private const string ClassGroup = "true_class";

    /// <summary>Part of the accuracy that should withstand an attack.</summary>
    private const double WantedShare = 0.7,
        WantedShareCorrupted = 0.9;

    /// <summary>How many times as wide as the narrowest column the widest may be for one epsilon.</summary>
    private const double MostRatio = 20;

    /// <summary>The gates before their thresholds are known.</summary>
    public static ImmutableArray<DraftGate> Open(Draft draft, DataLook data, ModelInspection model, int rows)
    {
        return
        [
            new("accuracy", "", "min: 0", ""),
            .. Inner(),
            .. draft
                .Groups.Where(g => g.Name != ClassGroup)
                .Select(g => new DraftGate(
                    "statistical_parity_difference",
                    $"group: {Draft.Yaml(g.Name)}, ",
                    "max: 1",
                    ""
                )),
        ];

        IEnumerable<DraftGate> Inner()
        {
            var samples = data.Rows * 0.4 > rows ? $"samples: {rows}, " : "";
            if (draft.NoAttack.Length == 0)
            {
                var (attack, epsilon, why) = Attack(draft, data, model);
                yield return new("robust_accuracy", $"attack: {attack}, epsilon: {epsilon}, {samples}", "min: 0", why);
            }
            else if (!TakesIds(model))
                yield return new(
                    "corrupted_accuracy",
                    samples,
                    "min: 0",
                    "right answers with noise, missing values and mistaken units"
                );
            else if (draft.Groups.Any(g => g.Name == ClassGroup))
                yield return new(
                    "rate_minimum",
                    $"group: {ClassGroup}, rate: accuracy, {(IsBinary() ? "" : "average: worst, ")}",
                    "min: 0",
                    "right answers in the class with the fewest"
                );
        }

        // With more classes, the accuracy of one is its rate against the rest unless the policy asks for the worst.
        bool IsBinary() => draft.LabelColumn(data).Values.Length <= 2;
    }

    /// <summary>Whether all inputs are ids: whatever is near one is another word, so that no epsilon is small.</summary>
    public static bool TakesIds(ModelInspection model) =>
        !model.Inputs.IsEmpty && model.Inputs.All(i => model.Ids.Contains(i.Name));

    /// <summary>
    /// Whether numbers come to the model as they are and differ so much in range that what is little for one is more
    /// than all of another.
    /// </summary>
    public static bool NeedsManyEpsilons(Draft draft, DataLook data) =>
        data.IsTable
        && draft.Scale.IsNone
        && Ranges(draft, data) is { Length: > 1 } ranges
        && ranges[^1] > MostRatio * ranges[0];

    // Of the columns that vary and are inputs, ascending.
    private static double[] Ranges(Draft draft, DataLook data) =>
        [
            .. data
                .Columns.Where(c =>
                    c.Name != draft.Label
                    && !draft.Except.Contains(c.Name)
                    && !draft.Codes.Contains(c)
                    && c.Kind == ColumnKind.Number
                    && c.Highest > c.Lowest
                )
                .Select(c => c.Highest - c.Lowest)
                .Order(),
        ];

    /// <summary>The classes as a group, for a model that cannot be attacked; null where they are too many or small.</summary>
    public static DraftGroup? ByClass(Draft draft, DataLook data) =>
        Guesses.Group(draft.LabelColumn(data), data.Rows, ClassGroup);

    /// <summary>The same with thresholds; what could not be measured is left out.</summary>
    /// <param name="draft">With the gates of <see cref="Open"/>.</param>
    /// <param name="measured">What they gave.</param>
    /// <param name="majority">Share of rows of the largest class, which no model has to learn anything for.</param>
    public static ImmutableArray<DraftGate> Close(Draft draft, GateResult measured, double majority)
    {
        var accuracy = measured.Gates[0].Original;
        return
        [
            .. draft
                .Gates.Zip(measured.Gates, (gate, report) => (gate, report.Original))
                .Where(g => g.Original.Value is not null)
                .Select(g => Close(g.gate, g.Original, accuracy, majority)),
        ];
    }

    private static DraftGate Close(DraftGate gate, MeasuredValue value, MeasuredValue accuracy, double majority)
    {
        var now =
            $"now {Numbers.Measured(value.Value!.Value)} "
            + $"[{Numbers.Measured(value.Lower!.Value)}, {Numbers.Measured(value.Upper!.Value)}]";
        return gate.Metric switch
        {
            "accuracy" => gate with
            {
                Threshold = Least(Math.Max(Floor(value.Lower.Value, 0.01), Floor(majority, 0.01))),
                Comment = $"share of right answers; {now}, always the same class {Numbers.Measured(majority)}",
            },
            "robust_accuracy" or "rate_minimum" => AtLeast(WantedShare),
            "corrupted_accuracy" => AtLeast(WantedShareCorrupted),
            _ => gate with
            {
                Threshold = "max: 0.1",
                Comment = $"how much more often one group gets the favorable answer; {now}",
            },
        };

        DraftGate AtLeast(double share) =>
            gate with
            {
                Threshold = Least(Math.Max(Floor(value.Lower.Value, 0.01), Floor(share * accuracy.Value!.Value, 0.05))),
                Comment = $"{gate.Comment}; {now}",
            };
    }

    private static string Least(double value) => $"min: {value.ToString("0.00", CultureInfo.InvariantCulture)}";

    private static double Floor(double value, double step) => Math.Floor(value / step + 1e-9) * step;

    private static bool IsSmall(DataLook data) => data.IsTable || data.Shape.Aggregate(1L, (a, b) => a * b) <= 32 * 32;

    // Epsilon counts in the units that the model's input has after scaling.
    private static (string Attack, string Epsilon, string Why) Attack(Draft draft, DataLook data, ModelInspection model)
    {
        var scores = model.Refusal is not null;
        if (draft.Scale.Factor is not null || !data.IsTable)
        {
            var range = draft.Scale.Factor is null ? Math.Max(1, data.Highest - data.Lowest) : 1;
            var isSmall = IsSmall(data);
            var part = isSmall ? "a tenth" : "8/255";
            return (
                scores ? "square" : "pgd",
                isSmall ? Wording.Number(0.1 * range)
                : range == 1 ? "8/255"
                : Wording.Number(Math.Round(8 / 255.0 * range, 4)),
                $"right answers when every value may move by {part} of its range"
            );
        }

        var table = scores ? "table_search" : "table_pgd";
        if (draft.Scale.Column == "minmax")
            return (table, "0.05", "right answers when numbers may move by 5 % of their range");
        if (draft.Scale.Column == "standard")
            return (table, "0.1", "right answers when numbers may move by a tenth of their deviation");
        var ranges = Ranges(draft, data);
        var middle = ranges.Length == 0 ? 1 : ranges[ranges.Length / 2];
        var size = Math.Pow(10, Math.Floor(Math.Log10(middle * 0.05)));
        var epsilon = Math.Max(1, Math.Round(middle * 0.05 / size)) * size;
        return (
            table,
            Wording.Number(epsilon),
            "right answers when numbers may move by 5 % of the middle column's range"
        );
    }
}
