namespace PostTrainGate.Foundation;

/// <summary>Names nothing: for values that need no names.</summary>
internal sealed class EmptyCatalog : ICatalog
{
    /// <inheritdoc/>
    public IEnumerable<T> All<T>()
        where T : INamed => [];
}
