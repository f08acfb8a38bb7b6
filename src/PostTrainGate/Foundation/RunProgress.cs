namespace PostTrainGate.Foundation;

/// <summary>What a run is doing.</summary>
/// <param name="Stage">Such as <c>Attacking the original model</c>.</param>
/// <param name="Done">Share done, 0 to 1; null when it cannot be told.</param>
/// <param name="Detail">A short figure beside it.</param>
public sealed record RunProgress(string Stage, double? Done = null, string? Detail = null);

/// <summary>
/// Progress that is told at once; <see cref="Progress{T}"/> posts to the thread pool and may report out of order.
/// </summary>
internal sealed class Relay<T>(Action<T> report) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => report(value);
}
