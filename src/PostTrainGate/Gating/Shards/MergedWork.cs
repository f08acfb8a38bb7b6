using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;

namespace PostTrainGate.Gating;

/// <summary>The blocks of all shards: nothing is worked on again, and what is not there is an error.</summary>
/// <param name="parts">They fit together and to this run.</param>
/// <param name="rows">The rows that they are about.</param>
internal sealed class MergedWork(IEnumerable<PartFile> parts, EvaluationSet rows) : BlockWork
{
    private readonly Dictionary<string, (PartFile Part, byte[] Bytes)> _found = parts
        .SelectMany(part => part.Blocks.Select(block => (block.Key, Part: part, block.Value)))
        .ToDictionary(b => b.Key, b => (b.Part, b.Value), StringComparer.Ordinal);

    /// <inheritdoc/>
    public override BlockOutcome? Find(string name, int values, Func<BlockOutcome> find)
    {
        if (!_found.TryGetValue(name, out var found))
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.PartRefused,
                    $"No part holds the block '{name}'; measure all shards again with this version of the tool."
                )
            );
        try
        {
            var outcome = BlockOutcome.Read(found.Bytes);
            var size = rows.InputSize;
            return
                outcome.Values.Length == values
                && outcome.Fragile.All(f => f.Row >= 0 && f.Row < rows.Count && f.Example.Length == size)
                ? outcome
                : throw new InvalidDataException("It is about other rows.");
        }
        catch (InvalidDataException damaged)
        {
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.PartRefused,
                    $"{found.Part.File}: the block '{name}' cannot be used. {damaged.Message} "
                        + $"Measure shard {found.Part.Number}/{found.Part.Of} again."
                ),
                damaged
            );
        }
    }
}
