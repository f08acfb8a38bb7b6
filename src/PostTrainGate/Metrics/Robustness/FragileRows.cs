using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Corruptions;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Models;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Keeps the rows that the smallest perturbations break, of all that an attack found. An attack under a budget has no
/// reason to find small ones, so each is made smaller first: halved toward the clean input as long as the classifier
/// errs, or, in a table, column by column taken back.
/// </summary>
internal sealed class FragileRows(Evaluation evaluation, AttackRun attack) : IDisposable
{
    private const int Most = 5,
        MostColumns = 5;
    private const int Halvings = 6;

    private readonly TabularConstraints? _form = (attack with { Layout = evaluation.Data.Layout }).Form(
        evaluation.Model.Input
    );
    private BrokenRow[] _found = [];

    private Classifier Model => evaluation.Model;

    private FeatureLayout? Layout => evaluation.Data.Layout;

    private Budget Budget => Budget.FromSettings(attack.Settings, Model.Input) with { Form = _form };

    /// <summary>Looks at what an attack found, for the most fragile of these rows.</summary>
    /// <param name="inputs">[n, input shape], clean.</param>
    /// <param name="labels">[n], int64.</param>
    /// <param name="places">Places of the rows in the split.</param>
    /// <param name="examples">
    /// [n, input shape]: adversarial where something was found, else clean or anything that does not err.
    /// </param>
    public BrokenRow[] Find(Tensor inputs, Tensor labels, IReadOnlyList<int> places, Tensor examples)
    {
        using var scope = NewDisposeScope();
        var changed = examples.ne(inputs).flatten(1).any(1).nonzero().flatten();
        var (clean, x, y) = (
            inputs.index_select(0, changed),
            examples.index_select(0, changed),
            labels.index_select(0, changed)
        );
        var broken = Errs(x, y).logical_and(Errs(clean, y).logical_not()).nonzero().flatten();
        if (broken.shape[0] == 0)
            return [];
        (clean, x, y) = (clean.index_select(0, broken), x.index_select(0, broken), y.index_select(0, broken));
        x = _form is null ? Nearer(clean, x, y) : TakenBack(clean, x, y);
        var rows = changed.index_select(0, broken).data<long>().ToArray();
        var sizes = Budget.Distance(clean, x).data<float>().ToArray();
        var columns = _form is null ? new long[rows.Length] : Changed(clean, x);
        var first = First(rows.Select((row, i) => new BrokenRow(places[(int)row], (int)columns[i], sizes[i], [])));
        return
        [
            .. first.Select(f =>
                f with
                {
                    Example =
                    [
                        .. x[Array.FindIndex(rows, row => places[(int)row] == f.Row)].contiguous().data<float>(),
                    ],
                }
            ),
        ];
    }

    /// <summary>Takes what was found in some rows together with what was found in others.</summary>
    public void Add(IEnumerable<BrokenRow> found) => _found = [.. First(_found.Concat(found))];

    // No two rows are equal in this order, so that it is all the same which of them were compared first.
    private static IEnumerable<BrokenRow> First(IEnumerable<BrokenRow> rows) =>
        rows.OrderBy(f => f.Columns).ThenBy(f => f.Size).ThenBy(f => f.Row).Take(Most);

    /// <summary>The rows, the most fragile first.</summary>
    public ImmutableArray<FragileInput> Inputs()
    {
        if (_found.Length == 0)
            return [];
        using var scope = NewDisposeScope();
        var data = evaluation.Data;
        Tensor[] examples = [.. _found.Select(f => tensor(f.Example).reshape(data.InputShape))];
        var predicted = Model.LogitsOfAll(stack(examples, 0)).argmax(1).data<long>().ToArray();
        var isImage = InputForm.TryFind(evaluation.Model, evaluation.Data, out var form) && !form.IsTable;
        return
        [
            .. _found.Select(
                (f, i) =>
                {
                    var (clean, example) = (data.InputsOf(f.Row, 1)[0], examples[i]);
                    var columns = isImage || clean.dim() != 1 ? [] : Columns(clean, example);
                    return new FragileInput(
                        evaluation.Data.PlaceOf(f.Row),
                        evaluation.Data.ClassNames[evaluation.Data.LabelValues[f.Row]],
                        evaluation.Data.ClassNames[(int)predicted[i]],
                        f.Size
                    )
                    {
                        Place = evaluation.Data.PlaceInData(f.Row),
                        Columns = [.. columns.Take(MostColumns)],
                        MoreColumns = Math.Max(0, columns.Length - MostColumns),
                        Image = isImage ? Image(form, clean, example) : null,
                    };
                }
            ),
        ];
    }

    /// <inheritdoc/>
    public void Dispose() => _form?.Dispose();

    private Tensor Errs(Tensor x, Tensor y) => AttackHarness.Errs(Model.LogitsOfAll(x), y);

    private Tensor Nearer(Tensor clean, Tensor x, Tensor y)
    {
        var (change, best) = (x - clean, x);
        var (low, high) = (zeros(y.shape[0]), ones(y.shape[0]));
        for (var i = 0; i < Halvings; i++)
        {
            attack.Cancel.ThrowIfCancellationRequested();
            var middle = low.Plus(high) * Scalars.Get(0.5);
            var tried = Budget.Project(clean, clean.Plus(change * ActiveBatch.PerRow(middle, clean)));
            var errs = Errs(tried, y);
            best = where(ActiveBatch.PerRow(errs, clean), tried, best);
            (low, high) = (where(errs, low, middle), where(errs, middle, high));
        }

        return best;
    }

    private Tensor TakenBack(Tensor clean, Tensor x, Tensor y)
    {
        foreach (var column in Layout!.Columns)
        {
            attack.Cancel.ThrowIfCancellationRequested();
            var (own, now) = (clean.narrow(1, column.Start, column.Width), x.narrow(1, column.Start, column.Width));
            if (!own.ne(now).any().item<bool>())
                continue;
            var tried = x.clone();
            tried.narrow(1, column.Start, column.Width).copy_(own);
            x = where(Errs(tried, y).unsqueeze(1), tried, x);
        }

        return x;
    }

    private long[] Changed(Tensor clean, Tensor x)
    {
        var counts = Layout!.Columns.Select(c =>
            clean.narrow(1, c.Start, c.Width).ne(x.narrow(1, c.Start, c.Width)).any(1).to(int64)
        );
        return [.. stack([.. counts], 1).sum(1).data<long>()];
    }

    // Categories first, then numbers by how far they move.
    private ChangedColumn[] Columns(Tensor clean, Tensor example)
    {
        var (from, to) = (clean.data<float>().ToArray(), example.data<float>().ToArray());
        var columns = Layout?.Columns
            ?? [.. Enumerable.Range(0, from.Length).Select(i => new FeatureColumn($"input {i}", i, []))];
        return
        [
            .. columns
                .Where(c => !Block(from, c).SequenceEqual(Block(to, c)))
                .OrderByDescending(c =>
                    c.Categories.IsEmpty ? Math.Abs((double)to[c.Start] - from[c.Start]) : double.PositiveInfinity
                )
                .Select(c => new ChangedColumn(c.Name, Value(c, Block(from, c)), Value(c, Block(to, c)))),
        ];

        static Span<float> Block(float[] row, FeatureColumn column) => row.AsSpan(column.Start, column.Width);
    }

    private string Value(FeatureColumn column, ReadOnlySpan<float> block)
    {
        if (column.Categories.IsEmpty)
        {
            // Only a row that keeps its form has whole numbers.
            var number = _form is null ? block[0] * column.Divisor + column.Offset : column.Decode(block[0]);
            return number.ToString("G5", CultureInfo.InvariantCulture);
        }

        var shares = block.ToArray();
        if (shares.All(s => s is 0 or 1))
            return shares.Contains(1) ? column.Categories[Array.IndexOf(shares, 1)] : "unknown";
        return string.Join(
            ", ",
            shares
                .Index()
                .OrderByDescending(s => s.Item)
                .Where((s, i) => i == 0 || s.Item >= 0.005)
                .Take(2)
                .Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Item:0.##} {column.Categories[s.Index]}"))
        );
    }

    private FragileImage Image(InputForm form, Tensor clean, Tensor example)
    {
        var (original, adversarial) = (Pixels(form, clean), Pixels(form, example));
        var change = adversarial - original;
        var largest = change.abs().max().item<float>();
        var amplification = largest > 0 ? Round(0.5 / largest) : 1;
        var shown = change.mul(amplification).add(0.5).clamp(0, 1);
        var (height, width, channels) = ((int)original.shape[0], (int)original.shape[1], (int)original.shape[2]);
        return new(width, height, channels, Bytes(original), Bytes(shown), Bytes(adversarial), amplification);

        static ImmutableArray<byte> Bytes(Tensor pixels) =>
            [.. pixels.mul(255).round().to(uint8).contiguous().data<byte>()];
    }

    // [height, width, channels] in [0, 1]
    private static Tensor Pixels(InputForm form, Tensor image)
    {
        var x =
            !form.HasChannels ? image.unsqueeze(2)
            : form.ChannelsLast ? image
            : image.permute(1, 2, 0);
        return x.sub(form.Input.Lower).div(form.Input.Upper - form.Input.Lower).clamp(0, 1);
    }

    // Down to two digits, as people read it.
    private static double Round(double factor)
    {
        var unit = Math.Pow(10, Math.Floor(Math.Log10(factor)) - 1);
        return Math.Floor(factor / unit) * unit;
    }
}
