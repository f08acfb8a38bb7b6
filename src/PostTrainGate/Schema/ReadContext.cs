using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Schema;

/// <summary>
/// What reading one policy shares: its place, the names it may use, and everything found wrong so far.
/// </summary>
/// <param name="folder">Absolute folder of the policy.</param>
/// <param name="catalog">What it may name.</param>
internal sealed class ReadContext(string folder, ICatalog catalog)
{
    /// <summary>So many are listed; a file with more needs another look anyway.</summary>
    private const int MaxDiagnostics = 100;

    private readonly HashSet<Diagnostic> _diagnostics = [];

    /// <summary>Absolute folder of the policy.</summary>
    public string Folder => folder;

    /// <summary>Names that it may use.</summary>
    public ICatalog Catalog => catalog;

    /// <summary>
    /// Whether only the text is read: the policy belongs to another commit, of which the files here say nothing.
    /// </summary>
    public bool TextOnly { get; init; }

    /// <summary>Whether anything is an error.</summary>
    public bool HasErrors => _diagnostics.Any(d => d.Severity == Severity.Error);

    /// <summary>Adds what is wrong; the same thing reached through two aliases counts once.</summary>
    public void Report(Diagnostic diagnostic) => _diagnostics.Add(diagnostic);

    /// <summary>Adds what is wrong.</summary>
    public void Report(string code, SourcePosition at, string message) =>
        Report(new Diagnostic(code, char.ToUpperInvariant(message[0]) + message[1..], at));

    /// <summary>Everything, in the order of the file.</summary>
    public ImmutableArray<Diagnostic> Sorted()
    {
        var sorted = _diagnostics.OrderBy(d => d.Position?.Line).ThenBy(d => d.Position?.Column).ToList();
        if (sorted.Count <= MaxDiagnostics)
            return [.. sorted];
        var rest = $"{sorted.Count - MaxDiagnostics} more from here on; fix those above first.";
        return [.. sorted[..MaxDiagnostics], sorted[MaxDiagnostics] with { Message = rest }];
    }
}
