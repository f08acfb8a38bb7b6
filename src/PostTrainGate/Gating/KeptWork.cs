using System.Diagnostics;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;

namespace PostTrainGate.Gating;

/// <summary>
/// The blocks of one gate, of which those that an earlier run finished are taken from its cache: a run that was
/// interrupted goes on from there. What is found on a block is the same with and without.
/// </summary>
/// <remarks>
/// Blocks are kept in files of some seconds each, numbered from 0, so that what is written once is not written again.
/// </remarks>
internal sealed class KeptWork : BlockWork, IDisposable
{
    // The longest time that a block that was found is kept nowhere.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);

    private readonly BlockWork _work;
    private readonly RunCache _cache;
    private readonly Lazy<string> _identity;
    private readonly Dictionary<string, BlockOutcome> _known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, BlockOutcome> _new = new(StringComparer.Ordinal);
    private readonly Stopwatch _since = Stopwatch.StartNew();
    private int? _files;

    private KeptWork(MetricContext context, RunCache cache, string model) =>
        (_work, _cache, _identity) = (context.Work, cache, new(() => Identity(context, model)));

    /// <summary>The work of a measurement; null where nothing is kept of it.</summary>
    public static KeptWork? Of(MetricContext context) =>
        // Last, as it hashes all weights.
        context is { Plan.Cache: { } cache, Rule.Metric: IBlockMetric, Evaluation.Model.Fingerprint: { } model }
            ? new(context, cache, model)
            : null;

    /// <inheritdoc/>
    public override bool IsPartial => _work.IsPartial;

    /// <inheritdoc/>
    public override BlockOutcome? Find(string name, int values, Func<BlockOutcome> find) =>
        _work.Find(name, values, () =>
        {
            Read();
            return _known.TryGetValue(name, out var known) && known.Values.Length == values
                ? known
                : Keep(name, find());
        });

    /// <summary>Keeps what was found last.</summary>
    public void Dispose() => Write();

    private BlockOutcome Keep(string name, BlockOutcome outcome)
    {
        _new[name] = outcome;
        if (_since.Elapsed >= Interval)
            Write();
        return outcome;
    }

    private void Read()
    {
        if (_files is not null)
            return;
        var next = 0;
        for (; _cache.Step(Name(next)) is { } bytes; next++)
        {
            using var content = new BinaryReader(new MemoryStream(bytes));
            for (var left = content.ReadInt32(); left > 0; left--)
                _known[content.ReadString()] = BlockOutcome.Read(content.ReadBytes(content.ReadInt32()));
        }

        _files = next;
    }

    private void Write()
    {
        if (_new.Count == 0)
            return;
        using var stream = new MemoryStream();
        using var content = new BinaryWriter(stream);
        content.Write(_new.Count);
        foreach (var (name, outcome) in _new)
        {
            var bytes = outcome.Write();
            content.Write(name);
            content.Write(bytes.Length);
            content.Write(bytes);
        }

        _cache.KeepStep(Name(_files!.Value), stream.ToArray());
        _files++;
        _new.Clear();
        _since.Restart();
    }

    private string Name(int file) =>
        Hash.Compute(content =>
        {
            content.Write($"blocks {file}");
            content.Write(_identity.Value);
        });

    // All that the blocks of a gate depend on. Thresholds are not of it.
    private static string Identity(MetricContext context, string model) =>
        Hash.Compute(content =>
        {
            var data = context.Evaluation.Data;
            content.Write($"blocks 1 {Tool.Build}");
            content.Write(model);
            content.Write(PartIdentity.OfGates([context.Rule]));
            content.Write(context.Seed);
            content.Write(context.RowSeed);
            content.Write(data.Once(typeof(RowDigest), () => RowDigest.Of(data)));
        });
}
