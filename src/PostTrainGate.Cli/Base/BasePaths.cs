using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Policy;
using PostTrainGate.Reading;
using PostTrainGate.Schema;

namespace PostTrainGate.Cli.Base;

/// <summary>Finds the files that a base's policy names among those of a change.</summary>
/// <param name="changed">The policy as it is now, its files found.</param>
/// <param name="remarks">Takes what cannot be used.</param>
internal sealed class BasePaths(GatePolicy changed, ImmutableArray<Diagnostic>.Builder remarks)
{
    /// <summary>
    /// The model to measure. A change may move it; as long as the base's file is there, that one is it, since another
    /// beside it says nothing of what ships.
    /// </summary>
    public PolicyPath? Model(PolicyPath? theirs)
    {
        if (theirs is null || changed.Model?.FullPath == theirs.FullPath)
            return theirs is null ? null : changed.Model;
        if (changed.Model is not { } mine)
            return Use("model", null, theirs, PathUse.File);
        var stays = Path.Exists(theirs.FullPath) || new FileInfo(theirs.FullPath).LinkTarget is not null;
        remarks.Add(
            new(
                DiagnosticCodes.PolicyChanged,
                $"The policy changes 'model' from {Wording.Quote(theirs.Text)} to {Wording.Quote(mine.Text)}; "
                    + (
                        stays
                            ? "the base branch's model still exists, so it was measured. A maintainer can change the "
                                + "key there."
                            : "the base branch's model no longer exists, so the new one was measured."
                    ),
                mine.Position,
                Severity.Warning
            )
        );
        return stays ? Use("model", mine, theirs, PathUse.File) : mine;
    }

    /// <summary>A file of the base's policy as it is here; the changed policy's own where both name the same.</summary>
    /// <param name="key">The key that names it.</param>
    /// <param name="mine">What the changed policy names.</param>
    /// <param name="theirs">What the base's policy names.</param>
    /// <param name="use">What it is for.</param>
    public PolicyPath? Use(string key, PolicyPath? mine, PolicyPath? theirs, PathUse use)
    {
        if (theirs is null || mine?.FullPath == theirs.FullPath)
            return theirs is null ? null : mine;
        var at = mine?.Position ?? changed.Data.Position;
        var context = new ReadContext(changed.Folder, Catalog.Default);
        if (PolicyPaths.Resolve(theirs.Text, at, "The base branch's value", use, context) is { } found)
            return found;
        remarks.Add(
            new(
                DiagnosticCodes.PolicyChanged,
                $"The policy changes '{key}' from {Wording.Quote(theirs.Text)} to "
                    + $"{(mine is null ? "nothing" : Wording.Quote(mine.Text))}. "
                    + $"{context.Sorted()[0].Message} A maintainer has to change '{key}' in the base branch first.",
                at
            )
        );
        return theirs;
    }
}
