using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Attacks a chunk of rows, going on where an earlier run was stopped. What withstands the attack is then tried with
/// the kept adversarial examples of the same attack and budget, of whatever model: they change no outcome, which is the
/// same with and without a cache, but tell of an attack that does not work on this model.
/// </summary>
internal sealed class CachedAttack(Classifier model, RunCache cache)
{
    // A hash of all weights, which only an attack needs.
    private readonly Lazy<string?> _model = new(() => model.Fingerprint);

    /// <summary>
    /// What the attack found, which the caller disposes, and how many robust rows a kept example breaks all the same.
    /// </summary>
    public (AttackOutcome Found, int BrokenByKept) Run(EvaluationSet rows, AttackRun run)
    {
        using var scope = NewDisposeScope();
        run = run with { Layout = rows.Layout, KeepExamples = true };
        var book = _model.Value is null ? null : new AttackLog.Book(cache, LogName(rows, run));
        using var form = run.Form(model.Input);
        var budget = Budget.FromSettings(run.Settings, model.Input) with { Form = form };
        var inputs = rows.Inputs.contiguous();
        var names = Names(rows, inputs, run, budget);
        var found = AttackHarness.Run(model, inputs, rows.Labels, run with { Book = book });
        foreach (var (row, name) in names.Index())
            if (found.Correct[row] && !found.Robust[row])
                cache.KeepExample(name, Row(found.Examples!, row));
        var brokenByKept = BrokenByKept(inputs, rows.Labels, names, [.. found.Robust], budget);
        book?.Close();
        return (found, brokenByKept);
    }

    private static string[] Names(EvaluationSet rows, Tensor inputs, AttackRun run, Budget budget)
    {
        var form = budget.Form is null
            ? ""
            : $" {run.Settings.Categories} {string.Join(' ', RowDigest.Columns(rows.Layout))}";
        return [.. rows.LabelValues.Select((label, row) => ExampleName(Row(inputs, row), label, run, budget, form))];
    }

    // Robust, and wrong with the kept example, once that is made legal.
    private int BrokenByKept(Tensor inputs, Tensor labels, string[] names, bool[] robust, Budget budget)
    {
        var length = Row(inputs, 0).Length;
        var kept = names.Select((name, row) => robust[row] ? cache.EarlierExample(name, length) : null).ToArray();
        var tried = Where(kept, example => example is not null);
        if (tried.Length == 0)
            return 0;
        using var scope = NewDisposeScope();
        var index = tensor(tried);
        var (clean, y) = (inputs.index_select(0, index), labels.index_select(0, index));
        var examples = clean.clone();
        foreach (var (i, row) in tried.Index())
            kept[row]!.CopyTo(Row(examples, i));
        var legal = budget.Project(clean, examples);
        // Numbers beyond all measure may overflow on their way into the budget.
        var isNear = budget.Distance(clean, legal).le(Scalars.Get(budget.Epsilon * (1 + 1e-3)));
        return (int)AttackHarness.Errs(model.LogitsOfAll(legal), y).logical_and(isNear).sum().item<long>();
    }

    private static long[] Where<T>(T[] rows, Func<T, bool> holds) =>
        [.. rows.Index().Where(r => holds(r.Item)).Select(r => (long)r.Index)];

    // Of the same attack only: what a stronger one found would change what a weaker one's name stands for.
    private static string ExampleName(ReadOnlySpan<byte> input, int label, AttackRun run, Budget budget, string form)
    {
        var row = input.ToArray();
        return Hash.Compute(content =>
        {
            content.Write($"example 1 {run.Settings.Name} {budget.Norm}{form}");
            foreach (var number in new[] { budget.Epsilon, budget.Lower, budget.Upper })
                content.Write(number);
            content.Write(label);
            content.Write(row);
        });
    }

    private string LogName(EvaluationSet rows, AttackRun run) =>
        Hash.Compute(content =>
        {
            content.Write($"attack 1 {Tool.Build} {_model.Value} {run.Settings} {run.Seed} {run.BatchSize}");
            content.Write(run.Settings.Epsilon);
            content.Write(run.Settings.StepSize ?? double.NaN);
            foreach (var column in RowDigest.Columns(rows.Layout))
                content.Write(column);
            foreach (var size in rows.Inputs.shape)
                content.Write(size);
            foreach (var label in rows.LabelValues)
                content.Write(label);
            using var inputs = rows.Inputs.contiguous();
            content.Write(inputs.bytes);
        });

    private static Span<byte> Row(Tensor batch, int row)
    {
        var bytes = batch.bytes;
        var length = bytes.Length / (int)batch.shape[0];
        return bytes.Slice(row * length, length);
    }
}
