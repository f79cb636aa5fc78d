def store(batch):
    raise NotImplementedError
