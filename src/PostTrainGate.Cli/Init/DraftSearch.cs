using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli.Init;

/// <summary>
/// Finds how a model wants its data: which columns are no inputs, and how numbers are scaled. Each reading that fits is
/// tried on the rows, and the most accurate one is written, with what the others gave.
/// </summary>
internal sealed class DraftSearch(InitOptions options, CliHost host, DataLook data, ModelInspection model)
{
    private const int MostReadings = 10;

    /// <summary>Most values of a number column that stand for categories.</summary>
    private const int MostCodes = 30;

    /// <summary>How much more accurate a scale has to be than none.</summary>
    private const double Difference = 0.01;

    private GateException? _refused;

    private readonly List<(string Title, double Accuracy)> _tried = [];

    /// <summary>Readings that were tried, for people.</summary>
    public IEnumerable<string> Tried => _tried.Select(t => $"{t.Title} {Numbers.Measured(t.Accuracy)}");

    /// <summary>The draft with the best reading, and how accurate the model is.</summary>
    /// <exception cref="GateException">No reading fits.</exception>
    public (Draft Draft, MeasuredValue Accuracy) Find(Draft draft, CancellationToken cancel)
    {
        var label = data.Columns.FirstOrDefault(c => c.Name == draft.Label);
        var readings = Readings(draft, label).Take(MostReadings).ToArray();
        if (readings.Length == 0)
            throw NoExclusion(draft);
        var scales = Scales(label);
        var first = Best(readings.Select(r => r with { Scale = scales[0] }), cancel);
        // An order of classes that was found under one scale may be chance: a wrong scale makes a model say anything.
        var likeliest = (first?.Draft ?? readings[0]) with { Classes = draft.Classes };
        (Draft Draft, MeasuredValue Accuracy)?[] found =
        [
            first,
            .. scales.Skip(1).Select(s => Best([likeliest with { Scale = s }], cancel)),
        ];
        if (found.MaxBy(f => f?.Accuracy.Value) is not { } best)
            throw _refused ?? NoExclusion(draft);
        var plain = found.FirstOrDefault(f => f?.Draft.Scale.IsNone == true);
        var chosen = best.Accuracy.Value - plain?.Accuracy.Value <= Difference ? plain!.Value : best;
        var what = chosen.Draft.Scale.IsNone ? "no other is clearly more accurate" : "the model is most accurate so";
        var note = scales.Length > 1 && _tried.Count > 1 ? Shortened($"{what}: {string.Join(", ", Tried)}") : "";
        return (chosen.Draft with { ScaleNote = note }, chosen.Accuracy);
    }

    /// <summary>Runs the gates of a draft without a repair.</summary>
    public GateResult Measure(Draft draft, CancellationToken cancel)
    {
        var (policy, wrong) = PolicyReader.ReadText(draft.Text(), options.Output);
        if (policy is null)
            throw new GateException([.. wrong]);
        return host.Run(
            policy,
            new()
            {
                Repair = false,
                Write = false,
                Full = true,
            },
            null,
            cancel
        );
    }

    private (Draft Draft, MeasuredValue Accuracy)? Best(IEnumerable<Draft> drafts, CancellationToken cancel)
    {
        (Draft Draft, MeasuredValue Accuracy)? best = null;
        foreach (var draft in drafts)
        {
            if (Accuracy(draft, cancel) is not { } tried)
                continue;
            _tried.Add((draft.Scale.Title, tried.Accuracy.Value!.Value));
            if (best is null || tried.Accuracy.Value > best.Value.Accuracy.Value)
                best = tried;
        }

        return best;
    }

    private (Draft Draft, MeasuredValue Accuracy)? Accuracy(Draft draft, CancellationToken cancel)
    {
        try
        {
            var result = Measure(draft, cancel);
            if (result.Gates[0].Original.Value is not null)
                return (draft, result.Gates[0].Original);
            if (draft.Classes.IsEmpty && OtherOrder(draft, result) is { } order)
                return Accuracy(draft with { Classes = order }, cancel);
            Refuse([.. result.Diagnostics.Where(d => d.Severity == Severity.Error)]);
        }
        catch (GateException refused)
        {
            var lacks = data.Columns.Any(c => c.Missing > 0) && refused.Diagnostics.Any(IsValue);
            if (lacks && !draft.DropMissing)
                return Accuracy(draft with { DropMissing = true }, cancel);
            Refuse(refused.Diagnostics);
        }

        return null;

        static bool IsValue(Diagnostic d) => d.Code == DiagnosticCodes.DataValue;
    }

    // The draft is no file that could be looked at.
    private void Refuse(IReadOnlyList<Diagnostic> diagnostics) =>
        _refused ??= new GateException([
            .. diagnostics.Select(d =>
                d.Position?.File == options.Output ? d with { Position = new SourcePosition(options.Data, 0, 0) } : d
            ),
        ]);

    private ImmutableArray<string>? OtherOrder(Draft draft, GateResult result)
    {
        var unclear = result.Diagnostics.FirstOrDefault(d => d.Code == DiagnosticCodes.ModelClassOrder);
        if (unclear?.Suggested is { } order)
            return [.. order];
        // Of two classes only one other order is left.
        return unclear is not null && Labels(draft) is [var first, var second] ? [second, first] : null;
    }

    private ImmutableArray<string> Labels(Draft draft) =>
        data.Columns.FirstOrDefault(c => c.Name == (draft.Label ?? data.Label)) is { } label
            ? [.. label.Values.Select(v => v.Text)]
            : [];

    // Columns that are left out, or number columns that are one-hot encoded, so that the inputs have the model's width;
    // the likeliest first.
    private IEnumerable<Draft> Readings(Draft draft, ColumnLook? label)
    {
        if (options.Except is { } given)
            return [draft with { Except = given }];
        if (!data.IsTable || model.Inputs.Length != 1)
            return [draft];
        var columns = data.Columns.Where(c => c != label).ToArray();
        var never = columns.Where(c => c.Kind == ColumnKind.Other || IsFree(c)).Select(c => c.Name).ToArray();
        var plain = draft with { Except = [.. never] };
        if (Width() is not { } wanted)
            return [plain];
        var open = columns.Where(c => !never.Contains(c.Name)).ToArray();
        var spare = open.Sum(Width) - wanted;
        if (spare == 0)
            return [plain];
        if (spare < 0)
        {
            var codes = open.Where(c => c.Kind == ColumnKind.Number && c.Values.Length is > 2 and <= MostCodes);
            return Choices([.. codes.OrderBy(c => c.Values.Length)], c => c.Values.Length - 1, -spare)
                .Select(set => plain with { Codes = [.. set] });
        }

        var sensitive = Guesses.Sensitive(data, draft.Label);
        return Choices([.. open.OrderByDescending(c => Likely(c, sensitive))], Width, spare)
            .OrderByDescending(set => set.Average(c => Likely(c, sensitive)))
            .Select(set => plain with { Except = [.. set.Select(c => c.Name), .. never] });
    }

    // Each column, and then each two, whose inputs add up to a sum.
    private static IEnumerable<ColumnLook[]> Choices(ColumnLook[] columns, Func<ColumnLook, int> inputs, int sum) =>
        columns
            .Select(a => new[] { a })
            .Concat(columns.SelectMany((a, i) => columns[(i + 1)..].Select(b => new[] { a, b })))
            .Where(set => set.Sum(inputs) == sum);

    private static int Width(ColumnLook column) => column.Kind == ColumnKind.Text ? column.Values.Length : 1;

    // Free text has no categories.
    private static bool IsFree(ColumnLook column) => column.Kind == ColumnKind.Text && column.Values.IsEmpty;

    private int Likely(ColumnLook column, ImmutableArray<string> sensitive) =>
        (column.Name.Contains("id", StringComparison.OrdinalIgnoreCase) && column.Values.Length is 0 ? 4 : 0)
        + (column.Name.Contains("personal", StringComparison.OrdinalIgnoreCase) ? 3 : 0)
        + (sensitive.Contains(column.Name) ? 3 : 0)
        + (column.Values.Length == data.Rows ? 2 : 0);

    private int? Width() =>
        model.Inputs is [{ Shape: [_, var width] }] && int.TryParse(width, out var number) ? number : null;

    // What a table may be in: as it is, by the columns' ranges, or as pixels of one range.
    private DraftScale[] Scales(ColumnLook? label)
    {
        if (!data.IsTable)
        {
            var plain = DraftScale.Within(data.Lowest, data.Highest);
            return Factor(data.Lowest, data.Highest) is { } factor ? [new(null, factor, "0, 1"), plain] : [plain];
        }

        var numbers = data.Columns.Where(c => c != label && c.Kind == ColumnKind.Number).ToArray();
        if (numbers.Length == 0)
            return [DraftScale.None];
        if (model.Inputs.Length != 1)
            return
            [
                DraftScale.Within(Math.Min(0, numbers.Min(c => c.Lowest)), Math.Max(1, numbers.Max(c => c.Highest))),
            ];
        DraftScale[] scales =
        [
            DraftScale.Within(Math.Min(0, numbers.Min(c => c.Lowest)), Math.Max(1, numbers.Max(c => c.Highest))),
            new("minmax", null, null),
            new("standard", null, null),
        ];
        return IsPixels(label, numbers) && Factor(0, numbers.Max(c => c.Highest)) is { } one
            ? [new(null, one, "0, 1"), .. scales]
            : scales;
    }

    /// <summary>Whether the columns of a table look like the pixels of an image.</summary>
    public bool IsPixels(ColumnLook? label, IReadOnlyCollection<ColumnLook> numbers) =>
        numbers.Count >= 16
        && numbers.Count == data.Columns.Count(c => c != label)
        && numbers.All(c => c.Lowest >= 0)
        && numbers.Max(c => c.Highest) is 1 or 15 or 16 or 255;

    private static string? Factor(double lowest, double highest) =>
        lowest < 0 || highest <= 1 ? null
        : highest <= 16 ? "1/16"
        : highest <= 255 ? "1/255"
        : null;

    private static string Shortened(string note) => note.Length > 110 ? $"{note[..107]}..." : note;

    private GateException NoExclusion(Draft draft) =>
        new(
            new Diagnostic(
                DiagnosticCodes.ModelShape,
                $"The model takes {Width()} inputs a row, and no choice of the columns beside the label "
                    + $"{Wording.Quote(draft.Label ?? "")} encodes to that many; name those that are no inputs by "
                    + "'--except COL,COL', or give another label by '--label COL'. Where numbers stand for categories, "
                    + "list them in 'data.features.categories' of a policy of your own.",
                new SourcePosition(options.Data, 0, 0)
            )
        );
}
