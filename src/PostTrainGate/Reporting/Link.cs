namespace PostTrainGate.Reporting;

/// <summary>A hole of a sentence that leads somewhere where links work, and names the address where they do not.</summary>
/// <param name="Text">What is read.</param>
/// <param name="Address">Where it leads.</param>
internal sealed record Link(string Text, Uri Address)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Text} ({Address.AbsoluteUri})";
}
